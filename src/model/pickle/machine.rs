//! The stack machine that a pickle is a program for.

use std::collections::HashMap;

use super::global::{self, Global};
use super::value::{Node, Value};
use crate::error::{Error, Result};

/// Containers and tensors that a pickle may build, values on its stack, and places in its memo.
/// The Net's own checkpoint needs some dozens; ResNet-152's some thousands.
const MOST: usize = 100_000;
/// Arguments of one call; rebuilding a tensor takes seven.
const MOST_ARGUMENTS: usize = 16;

/// Runs a pickle. Gives its value, and what the value points into.
///
/// # Errors
/// [`Error::Malformed`] with the byte where the pickle is not one that PyTorch writes, or with the
/// name that is refused.
pub(super) fn run(bytes: &[u8]) -> Result<(Value<'_>, Vec<Node<'_>>)> {
    let mut machine = Machine {
        bytes,
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        heap: Vec::new(),
    };
    loop {
        let start = machine.at;
        let step = machine.step().map_err(|fault| match fault {
            Fault::Pickle(reason) => Error::malformed(format!("pickle, byte {start}"), reason),
            Fault::Refused(error) => error,
        })?;
        if let Some(value) = step {
            return Ok((value, machine.heap));
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at which a run of values begins.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    heap: Vec<Node<'a>>,
}

/// Why a step cannot be taken.
enum Fault {
    /// The pickle is not one that PyTorch writes; the byte's place is added by [`run`].
    Pickle(String),
    /// A name that is not allowed.
    Refused(Error),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Pickle(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Self::Pickle(reason.into())
    }
}

type Step<T = ()> = std::result::Result<T, Fault>;

impl<'a> Machine<'a> {
    /// One opcode. Gives the pickle's value at its end.
    fn step(&mut self) -> Step<Option<Value<'a>>> {
        match self.byte()? {
            // PROTO and STOP
            0x80 => self.protocol()?,
            b'.' => return Ok(Some(self.pop()?)),
            // Values: NONE, NEWTRUE, NEWFALSE, BINFLOAT; BININT, BININT1, BININT2, LONG1; texts
            b'N' | 0x88 | 0x89 => self.push(Value::Plain)?,
            b'G' => self.take(8).map(|_| Value::Plain).and_then(|value| self.push(value))?,
            b'J' => self
                .word()
                .map(|n| Value::Int(n.cast_signed().into()))
                .and_then(|v| self.push(v))?,
            b'K' => self.byte().map(|n| Value::Int(n.into())).and_then(|v| self.push(v))?,
            b'M' => self.short().map(|n| Value::Int(n.into())).and_then(|v| self.push(v))?,
            0x8a => self.long()?,
            b'X' => self.word().and_then(|length| self.text(length as usize))?,
            b'U' => self.byte().and_then(|length| self.text(length.into()))?,
            // The stack: MARK, POP
            b'(' => self.mark()?,
            b'0' => drop(self.pop()?),
            // Containers: tuples of any, 0, 1, 2 and 3 values; lists; dicts
            b't' => self.since_mark().and_then(|items| self.build(Node::Tuple(items)))?,
            b')' => self.build(Node::Tuple(Vec::new()))?,
            0x85..=0x87 => self.short_tuple()?,
            b']' => self.build(Node::List(Vec::new()))?,
            b'a' => self.pop().and_then(|item| self.append(vec![item]))?,
            b'e' => self.since_mark().and_then(|items| self.append(items))?,
            b'}' => self.build(Node::Dict(Vec::new()))?,
            b's' => self.pair().and_then(|pair| self.set(&pair))?,
            b'u' => self.since_mark().and_then(|items| self.set(&items))?,
            // The memo: BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
            b'q' => self.byte().and_then(|place| self.remember(place.into()))?,
            b'r' => self.word().and_then(|place| self.remember(place))?,
            b'h' => self.byte().and_then(|place| self.recall(place.into()))?,
            b'j' => self.word().and_then(|place| self.recall(place))?,
            // Names and what is made with them: GLOBAL, REDUCE, NEWOBJ, BUILD, BINPERSID
            b'c' => self.global()?,
            b'R' => self.reduce()?,
            0x81 => self.new_object()?,
            b'b' => self.set_state()?,
            b'Q' => self.storage()?,
            other => {
                return Err(format!("opcode {other:#04x}, which PyTorch does not write").into());
            }
        }
        Ok(None)
    }

    fn protocol(&mut self) -> Step {
        match self.byte()? {
            2 => Ok(()),
            other => Err(format!(
                "pickle protocol {other}; leave pickle_protocol out of torch.save, so that it \
                 writes protocol 2"
            )
            .into()),
        }
    }

    fn take(&mut self, count: usize) -> Step<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or("the pickle ends here, in the middle; the file was cut short")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Step<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn short(&mut self) -> Step<u16> {
        self.take(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn word(&mut self) -> Step<u32> {
        self.take(4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A whole number of up to 255 bytes. One that needs more than 64 bits is no size.
    fn long(&mut self) -> Step {
        let count = self.byte()?;
        let bytes = self.take(count.into())?;
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        self.push(match wide.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(wide))
            }
            None => Value::Plain,
        })
    }

    fn text(&mut self, length: usize) -> Step {
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| "text that is not UTF-8")?;
        self.push(Value::Text(text))
    }

    /// Up to the end of the line, as GLOBAL has its two names.
    fn line(&mut self) -> Step<&'a str> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or("a name without an end")?;
        let line = self.take(length + 1)?;
        Ok(std::str::from_utf8(&line[..length]).map_err(|_| "a name that is not UTF-8")?)
    }

    fn push(&mut self, value: Value<'a>) -> Step {
        if self.stack.len() >= MOST {
            return Err(format!("more than {MOST} values on the stack").into());
        }
        self.stack.push(value);
        Ok(())
    }

    /// The topmost value; never one below the last mark.
    fn pop(&mut self) -> Step<Value<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("nothing on the stack to take".into());
        }
        Ok(self.stack.pop().ok_or("nothing on the stack to take")?)
    }

    fn mark(&mut self) -> Step {
        if self.marks.len() >= MOST {
            return Err(format!("more than {MOST} marks on the stack").into());
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    /// The values above the last mark, which goes too.
    fn since_mark(&mut self) -> Step<Vec<Value<'a>>> {
        let mark = self.marks.pop().ok_or("no mark on the stack")?;
        Ok(self.stack.split_off(mark))
    }

    fn pair(&mut self) -> Step<[Value<'a>; 2]> {
        let value = self.pop()?;
        Ok([self.pop()?, value])
    }

    fn build(&mut self, node: Node<'a>) -> Step {
        if self.heap.len() >= MOST {
            return Err(format!("more than {MOST} containers and tensors").into());
        }
        self.heap.push(node);
        self.push(Value::Node(self.heap.len() - 1))
    }

    fn short_tuple(&mut self) -> Step {
        let count = usize::from(self.bytes[self.at - 1] - 0x84);
        let mut items = (0..count).map(|_| self.pop()).collect::<Step<Vec<_>>>()?;
        items.reverse();
        self.build(Node::Tuple(items))
    }

    /// The container on top of the stack, which stays there.
    fn top(&mut self) -> Step<&mut Node<'a>> {
        let value = self.pop()?;
        self.push(value)?;
        match value {
            Value::Node(id) => Ok(&mut self.heap[id]),
            _ => Err("something other than a container to be filled".into()),
        }
    }

    fn append(&mut self, items: Vec<Value<'a>>) -> Step {
        match self.top()? {
            Node::List(list) => list.extend(items),
            _ => return Err("something other than a list to append to".into()),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Value<'a>]) -> Step {
        let (pairs, rest) = items.as_chunks::<2>();
        match self.top()? {
            Node::Dict(dict) if rest.is_empty() => dict.extend(pairs.iter().map(|&[k, v]| (k, v))),
            Node::Dict(_) => return Err("a key without a value".into()),
            _ => return Err("something other than a dict to set items of".into()),
        }
        Ok(())
    }

    fn remember(&mut self, place: u32) -> Step {
        let value = self.pop()?;
        self.push(value)?;
        if self.memo.len() >= MOST && !self.memo.contains_key(&place) {
            return Err(format!("more than {MOST} values remembered").into());
        }
        self.memo.insert(place, value);
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Step {
        let value = self.memo.get(&place).copied();
        self.push(value.ok_or_else(|| format!("place {place} of the memo, which is empty"))?)
    }

    fn global(&mut self) -> Step {
        let (module, name) = (self.line()?, self.line()?);
        let value = global::find(module, name).map_err(Fault::Refused)?;
        self.push(value)
    }

    /// The items of the tuple of arguments on top of the stack.
    fn arguments(&mut self) -> Step<Vec<Value<'a>>> {
        match self.pop()? {
            Value::Node(id) => match &self.heap[id] {
                // The limit matters: one long tuple could be copied again and again.
                Node::Tuple(items) if items.len() <= MOST_ARGUMENTS => Ok(items.clone()),
                Node::Tuple(items) => Err(format!("{} arguments", items.len()).into()),
                _ => Err("something other than a tuple of arguments".into()),
            },
            _ => Err("something other than a tuple of arguments".into()),
        }
    }

    fn reduce(&mut self) -> Step {
        let arguments = self.arguments()?;
        let Value::Global(global) = self.pop()? else {
            return Err("a call of something that cannot be called".into());
        };
        if self.heap.len() >= MOST {
            return Err(format!("more than {MOST} containers and tensors").into());
        }
        let value = global::call(global, &arguments, &mut self.heap)?;
        self.push(value)
    }

    fn new_object(&mut self) -> Step {
        self.arguments()?;
        match self.pop()? {
            Value::Global(Global::ScriptClass) => self.build(Node::Object(Value::Plain)),
            _ => Err("an instance of something that is no TorchScript class".into()),
        }
    }

    /// Attributes of the object on top of the stack. Those of an OrderedDict (`_metadata`) and of
    /// a tensor say nothing about weights.
    fn set_state(&mut self) -> Step {
        let state = self.pop()?;
        match self.top()? {
            Node::Object(attributes) => *attributes = state,
            Node::Dict(_) | Node::Tensor(_) => {}
            _ => return Err("attributes of something that has none".into()),
        }
        Ok(())
    }

    fn storage(&mut self) -> Step {
        let id = self.arguments()?;
        let node = global::storage(&id)?;
        self.build(node)
    }
}
