//! The names that a pickle may use, and what stands for each.

use super::value::{Node, Storage, TensorAt, Value};
use crate::error::{Error, Result};
use crate::model::element::Element;
use crate::model::words::clipped;

/// A name that a pickle may use. Nothing is behind it but what [`call`] builds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    /// `nn.Parameter` around a tensor.
    RebuildParameter,
    Storage(Element),
    /// `torch.Size`, a tuple.
    Size,
    Device,
    /// A list with a type in TorchScript.
    ScriptList,
    /// A value with a type in TorchScript.
    ScriptTyped,
    /// A TorchScript class.
    ScriptClass,
}

/// Looks a name up.
///
/// # Errors
/// [`Error::Malformed`] with the name, for every name that a model's state has no need of.
pub(super) fn find<'a>(module: &str, name: &str) -> Result<Value<'a>> {
    use Global::*;
    Ok(Value::Global(match (module, name) {
        ("collections", "OrderedDict") => OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2") => RebuildTensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
            RebuildParameter
        }
        ("torch", "FloatStorage") => Storage(Element::F32),
        ("torch", "DoubleStorage") => Storage(Element::F64),
        ("torch", "HalfStorage") => Storage(Element::F16),
        ("torch", "BFloat16Storage") => Storage(Element::BF16),
        (
            "torch",
            "LongStorage"
            | "IntStorage"
            | "ShortStorage"
            | "CharStorage"
            | "ByteStorage"
            | "BoolStorage"
            | "ComplexFloatStorage"
            | "ComplexDoubleStorage",
        ) => Storage(Element::Other),
        ("torch", "Size") => Size,
        ("torch", "device") => Device,
        ("torch", "float16" | "bfloat16" | "float32" | "float64" | "int64" | "bool") => {
            return Ok(Value::Plain);
        }
        ("torch.jit._pickle", "restore_type_tag") => ScriptTyped,
        (
            "torch.jit._pickle",
            "build_intlist" | "build_doublelist" | "build_boollist" | "build_tensorlist",
        ) => ScriptList,
        (module, _) if module == "__torch__" || module.starts_with("__torch__.") => ScriptClass,
        _ => {
            return Err(Error::malformed(
                format!("global {}", clipped(&format!("{module}.{name}"))),
                "weights have no need of this name, so it was refused, and nothing was executed; \
                 if you trust the file, load it in Python and save the tensors alone: \
                 torch.save(model.state_dict(), \"model.pth\")",
            ));
        }
    }))
}

/// What calling a name with these arguments gives.
///
/// # Errors
/// What is wrong with the arguments, in words.
pub(super) fn call<'a>(
    global: Global,
    arguments: &[Value<'a>],
    heap: &mut Vec<Node<'a>>,
) -> Result<Value<'a>, String> {
    let built = match (global, arguments) {
        (Global::OrderedDict, []) => Node::Dict(Vec::new()),
        (Global::RebuildTensor, [storage, offset, shape, strides, ..]) => {
            Node::Tensor(tensor(*storage, *offset, *shape, *strides, heap)?)
        }
        // A parameter is its tensor, a size its tuple, a typed value the value.
        (
            Global::RebuildParameter | Global::Size | Global::ScriptList | Global::ScriptTyped,
            [value, ..],
        ) => return Ok(*value),
        (Global::Device, _) => return Ok(Value::Plain),
        _ => return Err(format!("{global:?} with {} arguments", arguments.len())),
    };
    heap.push(built);
    Ok(Value::Node(heap.len() - 1))
}

/// The numbers that a persistent id names: `("storage", type, key, device, count)`.
pub(super) fn storage<'a>(id: &[Value<'a>]) -> Result<Node<'a>, String> {
    let [
        Value::Text("storage"),
        Value::Global(Global::Storage(element)),
        Value::Text(key),
        _,
        count,
    ] = id
    else {
        return Err("a persistent id that is not a storage".into());
    };
    Ok(Node::Storage(Storage { element: *element, key, numbers: natural(*count)? }))
}

fn tensor<'a>(
    storage: Value<'a>,
    offset: Value<'a>,
    shape: Value<'a>,
    strides: Value<'a>,
    heap: &[Node<'a>],
) -> Result<TensorAt<'a>, String> {
    let storage = match storage {
        Value::Node(id) => match heap[id] {
            Node::Storage(storage) => storage,
            _ => return Err("a tensor whose storage is something else".into()),
        },
        _ => return Err("a tensor without a storage".into()),
    };
    let (shape, strides) = (naturals(shape, heap)?, naturals(strides, heap)?);
    if shape.len() != strides.len() {
        return Err(format!("a tensor of shape {shape:?} with strides {strides:?}"));
    }
    Ok(TensorAt { storage, offset: natural(offset)?, shape, strides })
}

/// Dimensions that a tensor may have. Weights have four at most; PyTorch itself stops at 64, which
/// would let a small file fill much memory.
const MOST_DIMENSIONS: usize = 8;

fn naturals(value: Value<'_>, heap: &[Node<'_>]) -> Result<Vec<usize>, String> {
    let Value::Node(id) = value else { return Err("a shape that is not a tuple".into()) };
    match &heap[id] {
        Node::Tuple(items) if items.len() <= MOST_DIMENSIONS => {
            items.iter().map(|item| natural(*item)).collect()
        }
        Node::Tuple(items) => Err(format!("a tensor with {} dimensions", items.len())),
        _ => Err("a shape that is not a tuple".into()),
    }
}

fn natural(value: Value<'_>) -> Result<usize, String> {
    match value {
        Value::Int(number) => {
            usize::try_from(number).map_err(|_| format!("{number} where a size belongs"))
        }
        _ => Err("something other than a number where a size belongs".into()),
    }
}
