//! The stack machine that a pickle is a program for.

use std::collections::HashMap;

use super::global::{self, Global};
use super::input::Input;
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
        input: Input::new(bytes),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        heap: Vec::new(),
    };
    loop {
        let start = machine.input.at();
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
    input: Input<'a>,
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
        match self.input.u8()? {
            0x80 => self.protocol()?,            // PROTO
            b'.' => return self.pop().map(Some), // STOP

            b'N' | 0x88 | 0x89 => self.push(Value::Plain)?, // NONE, NEWTRUE, NEWFALSE
            b'G' => self.float()?,                          // BINFLOAT
            b'J' => self.int32()?,                          // BININT
            b'K' => self.int8()?,                           // BININT1
            b'M' => self.int16()?,                          // BININT2
            0x8a => self.long()?,                           // LONG1
            b'X' => self.text()?,                           // BINUNICODE
            b'U' => self.short_text()?,                     // SHORT_BINSTRING

            b'(' => self.mark()?,                        // MARK
            b'0' => drop(self.pop()?),                   // POP
            b')' => self.tuple(0)?,                      // EMPTY_TUPLE
            0x85 => self.tuple(1)?,                      // TUPLE1
            0x86 => self.tuple(2)?,                      // TUPLE2
            0x87 => self.tuple(3)?,                      // TUPLE3
            b't' => self.tuple_from_mark()?,             // TUPLE
            b']' => self.build(Node::List(Vec::new()))?, // EMPTY_LIST
            b'a' => self.append_one()?,                  // APPEND
            b'e' => self.append_from_mark()?,            // APPENDS
            b'}' => self.build(Node::Dict(Vec::new()))?, // EMPTY_DICT
            b's' => self.set_one()?,                     // SETITEM
            b'u' => self.set_from_mark()?,               // SETITEMS

            b'q' => self.put_short()?, // BINPUT
            b'r' => self.put()?,       // LONG_BINPUT
            b'h' => self.get_short()?, // BINGET
            b'j' => self.get()?,       // LONG_BINGET

            b'c' => self.global()?,     // GLOBAL
            b'R' => self.reduce()?,     // REDUCE
            0x81 => self.new_object()?, // NEWOBJ
            b'b' => self.set_state()?,  // BUILD
            b'Q' => self.storage()?,    // BINPERSID
            other => {
                return Err(format!("opcode {other:#04x}, which PyTorch does not write").into());
            }
        }
        Ok(None)
    }

    fn protocol(&mut self) -> Step {
        match self.input.u8()? {
            2 => Ok(()),
            other => Err(format!(
                "pickle protocol {other}; leave pickle_protocol out of torch.save, so that it \
                 writes protocol 2"
            )
            .into()),
        }
    }

    /// No float says where a tensor lies.
    fn float(&mut self) -> Step {
        self.input.take(8)?;
        self.push(Value::Plain)
    }

    fn int8(&mut self) -> Step {
        let number = self.input.u8()?;
        self.push(Value::Int(number.into()))
    }

    fn int16(&mut self) -> Step {
        let number = self.input.u16()?;
        self.push(Value::Int(number.into()))
    }

    fn int32(&mut self) -> Step {
        let number = self.input.u32()?;
        self.push(Value::Int(number.cast_signed().into()))
    }

    fn long(&mut self) -> Step {
        let number = self.input.long()?;
        self.push(number.map_or(Value::Plain, Value::Int))
    }

    fn text(&mut self) -> Step {
        let length = self.input.u32()?;
        let text = self.input.text(length as usize)?;
        self.push(Value::Text(text))
    }

    fn short_text(&mut self) -> Step {
        let length = self.input.u8()?;
        let text = self.input.text(length.into())?;
        self.push(Value::Text(text))
    }

    fn push(&mut self, value: Value<'a>) -> Step {
        if self.stack.len() >= MOST {
            return Err(format!("more than {MOST} values on the stack").into());
        }
        self.stack.push(value);
        Ok(())
    }

    /// The topmost value; never one below the last mark.
    fn peek(&self) -> Step<Value<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let above = self.stack.get(floor..).and_then(|values| values.last());
        Ok(*above.ok_or("nothing on the stack to take")?)
    }

    fn pop(&mut self) -> Step<Value<'a>> {
        let value = self.peek()?;
        self.stack.pop();
        Ok(value)
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

    fn build(&mut self, node: Node<'a>) -> Step {
        if self.heap.len() >= MOST {
            return Err(format!("more than {MOST} containers and tensors").into());
        }
        self.heap.push(node);
        self.push(Value::Node(self.heap.len() - 1))
    }

    /// A tuple of the topmost values.
    fn tuple(&mut self, count: usize) -> Step {
        let mut items = (0..count).map(|_| self.pop()).collect::<Step<Vec<_>>>()?;
        items.reverse();
        self.build(Node::Tuple(items))
    }

    fn tuple_from_mark(&mut self) -> Step {
        let items = self.since_mark()?;
        self.build(Node::Tuple(items))
    }

    /// The container on top of the stack, which stays there.
    fn top(&mut self) -> Step<&mut Node<'a>> {
        match self.peek()? {
            Value::Node(id) => Ok(&mut self.heap[id]),
            _ => Err("something other than a container to be filled".into()),
        }
    }

    fn append_one(&mut self) -> Step {
        let item = self.pop()?;
        self.append(&[item])
    }

    fn append_from_mark(&mut self) -> Step {
        let items = self.since_mark()?;
        self.append(&items)
    }

    fn append(&mut self, items: &[Value<'a>]) -> Step {
        match self.top()? {
            Node::List(list) => list.extend(items),
            _ => return Err("something other than a list to append to".into()),
        }
        Ok(())
    }

    fn set_one(&mut self) -> Step {
        let value = self.pop()?;
        let key = self.pop()?;
        self.set(&[key, value])
    }

    fn set_from_mark(&mut self) -> Step {
        let items = self.since_mark()?;
        self.set(&items)
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

    fn put_short(&mut self) -> Step {
        let place = self.input.u8()?;
        self.remember(place.into())
    }

    fn put(&mut self) -> Step {
        let place = self.input.u32()?;
        self.remember(place)
    }

    fn get_short(&mut self) -> Step {
        let place = self.input.u8()?;
        self.recall(place.into())
    }

    fn get(&mut self) -> Step {
        let place = self.input.u32()?;
        self.recall(place)
    }

    fn remember(&mut self, place: u32) -> Step {
        let value = self.peek()?;
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
        let (module, name) = (self.input.line()?, self.input.line()?);
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
