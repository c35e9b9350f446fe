//! Where in a pickled value the model's tensors are, and what they are called.

use super::value::{Node, TensorAt, Value};
use crate::error::{Error, Result};
use crate::model::words;

/// Keys under which training scripts keep the model's state beside the optimizer's and others.
const STATE_KEYS: [&str; 3] = ["state_dict", "model_state_dict", "model"];
/// Modules within modules; entries of a dict, or attributes of all modules; bytes of a name. What
/// is shared is visited once for each path to it, which a small file could make very many.
const DEEPEST: usize = 32;
const MOST_ENTRIES: usize = 10_000;
const LONGEST_NAME: usize = 512;

/// A tensor and its name, `conv1.weight`.
pub(in crate::model) struct Named<'a> {
    /// The name, with whatever prefix the file gives it.
    pub(in crate::model) name: String,
    /// Where its numbers lie.
    pub(in crate::model) tensor: TensorAt<'a>,
}

/// The tensors of a pickled model.
pub(in crate::model) enum Tensors<'a> {
    /// A `state_dict`.
    State(Vec<Named<'a>>),
    /// A TorchScript module; one that was frozen has none.
    Script(Vec<Named<'a>>),
}

/// Finds them.
pub(super) fn of<'a>(root: Value<'a>, heap: &[Node<'a>]) -> Result<Tensors<'a>> {
    match node(root, heap) {
        Some(Node::Dict(items)) => state(items, heap).map(Tensors::State),
        Some(Node::Object(_)) => modules(root, heap).map(Tensors::Script),
        Some(Node::Tensor(_)) => Err(no_state("a single tensor")),
        Some(Node::List(_) | Node::Tuple(_)) => Err(no_state("a list")),
        _ => Err(no_state("a value without tensors")),
    }
}

type Items<'v, 'a> = &'v [(Value<'a>, Value<'a>)];

/// The tensors of a dict, or of the dict in it that holds the model's state.
fn state<'a>(items: Items<'_, 'a>, heap: &[Node<'a>]) -> Result<Vec<Named<'a>>> {
    let direct = tensors_in(items, heap)?;
    if !direct.is_empty() {
        return Ok(direct);
    }
    let inner = STATE_KEYS.iter().find_map(|wanted| {
        let is_wanted = |key: &Value<'_>| matches!(key, Value::Text(text) if text == wanted);
        let (_, value) = items.iter().rev().find(|(key, _)| is_wanted(key))?;
        match node(*value, heap)? {
            Node::Dict(inner) => Some(inner),
            _ => None,
        }
    });
    if let Some(inner) = inner {
        let tensors = tensors_in(inner, heap)?;
        if !tensors.is_empty() {
            return Ok(tensors);
        }
    }
    let keys: Vec<&str> = items.iter().filter_map(|(key, _)| text(*key)).collect();
    Err(no_state(&format!("a dict without tensors (keys: {})", words::list(&keys))))
}

fn tensors_in<'a>(items: Items<'_, 'a>, heap: &[Node<'a>]) -> Result<Vec<Named<'a>>> {
    if items.len() > MOST_ENTRIES {
        return Err(no_state(&format!("a dict with {} entries", items.len())));
    }
    let mut tensors = Vec::new();
    for (key, value) in items {
        if let (Some(name), Some(Node::Tensor(tensor))) = (text(*key), node(*value, heap)) {
            tensors.push(Named { name: joined("", name)?, tensor: tensor.clone() });
        }
    }
    Ok(tensors)
}

/// The tensors of a TorchScript module and of those in it, named by the path of attributes.
fn modules<'a>(root: Value<'a>, heap: &[Node<'a>]) -> Result<Vec<Named<'a>>> {
    let mut tensors = Vec::new();
    let mut visited = 0;
    let mut open = vec![(root, String::new(), 0)];
    while let Some((module, prefix, depth)) = open.pop() {
        let Some(Node::Object(attributes)) = node(module, heap) else { continue };
        let Some(Node::Dict(attributes)) = node(*attributes, heap) else { continue };
        visited += attributes.len();
        if depth > DEEPEST || visited > MOST_ENTRIES {
            return Err(Error::malformed(
                format!("module {}", words::clipped(&prefix)),
                format!("more than {DEEPEST} modules deep, or {MOST_ENTRIES} attributes in all"),
            ));
        }
        // Backwards, so that the stack gives them in the file's order.
        for (key, value) in attributes.iter().rev() {
            let Some(name) = text(*key) else { continue };
            match node(*value, heap) {
                Some(Node::Tensor(tensor)) => {
                    tensors.push(Named { name: joined(&prefix, name)?, tensor: tensor.clone() })
                }
                Some(Node::Object(_)) => {
                    open.push((*value, format!("{}.", joined(&prefix, name)?), depth + 1));
                }
                _ => {}
            }
        }
    }
    Ok(tensors)
}

fn joined(prefix: &str, name: &str) -> Result<String> {
    if prefix.len() + name.len() > LONGEST_NAME {
        let reason = format!("a name of more than {LONGEST_NAME} bytes");
        return Err(Error::malformed(format!("tensor {}", words::clipped(name)), reason));
    }
    Ok(format!("{prefix}{name}"))
}

fn node<'h, 'a>(value: Value<'a>, heap: &'h [Node<'a>]) -> Option<&'h Node<'a>> {
    match value {
        Value::Node(id) => heap.get(id),
        _ => None,
    }
}

fn text<'a>(value: Value<'a>) -> Option<&'a str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn no_state(found: &str) -> Error {
    Error::malformed(
        "the pickled value",
        format!(
            "{found}, but a model's state is wanted; save it with \
             torch.save(model.state_dict(), \"model.pth\")"
        ),
    )
}
