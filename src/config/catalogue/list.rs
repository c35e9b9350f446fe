//! The machine types that there are to choose among.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::MachineType;
use super::entry;
use super::keys::{Key, Keys, nearest};
use crate::config::refusal::refusal;
use crate::error::{Error, Result};

/// The catalogue that comes with the program, and the manual of its keys.
const SHIPPED: &str = include_str!("../../../configs/instances.toml");

const NAME: Key = Key("name", "name = \"c5.xlarge\", as its provider writes it");
const LIKE: Key = Key("like", "like = \"c5.xlarge\", the name of a machine that is there already");

/// Machine types, in the order of their files; no two have one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    /// The machine types.
    pub machines: Vec<MachineType>,
}

impl Catalogue {
    /// The catalogue that comes with the program.
    ///
    /// # Errors
    /// None: a test reads it.
    pub fn shipped() -> Result<Self> {
        Self::parse(SHIPPED, "configs/instances.toml", &Self::default())
    }

    /// The shipped catalogue with each of the files over what is before it. What a command does
    /// with its `--catalog` flags.
    ///
    /// # Errors
    /// As [`Catalogue::read`].
    pub fn of(files: &[PathBuf]) -> Result<Self> {
        files.iter().try_fold(Self::shipped()?, |all, file| {
            let own = Self::read_over(file, &all)?;
            Ok(all.with(own))
        })
    }

    /// The machines of a file. An entry that names a shipped machine may leave keys out: they are
    /// as shipped.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, else [`Error::Invalid`] that names the file,
    /// the machine and the key, and says what to write instead.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_over(path, &Self::shipped()?)
    }

    /// The machines of a file's text, which an error calls `name`. An entry that names a machine
    /// of `base` may leave keys out: they are as there.
    ///
    /// # Errors
    /// [`Error::Invalid`], as [`Catalogue::read`].
    pub fn parse(text: &str, name: &str, base: &Self) -> Result<Self> {
        let mut file: Table = text.parse().map_err(|error| refusal(&error, text, name))?;
        let list = match file.remove("machine") {
            Some(Value::Array(list)) => list,
            None if file.is_empty() => Vec::new(),
            other => {
                let found = file.keys().next().filter(|_| other.is_none());
                let key = found.map_or("machine", String::as_str).escape_debug().to_string();
                return Err(Error::invalid(
                    format!("{name}, `{key}`"),
                    "is not a list of machines; write [[machine]] above the keys of each of them",
                ));
            }
        };
        if let Some(key) = file.keys().next() {
            return Err(Error::invalid(
                format!("{name}, `{}`", key.escape_debug()),
                "belongs to no machine; write it below [[machine]]",
            ));
        }
        let mut own = Self::default();
        for (index, entry) in list.into_iter().enumerate() {
            let machine = own.entry(entry, name, index + 1, base)?;
            own.machines.push(machine);
        }
        Ok(own)
    }

    /// This catalogue with the machines of another: those of a name that is here take its place,
    /// others follow.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        for machine in other.machines {
            match self.machines.iter_mut().find(|here| here.name == machine.name) {
                Some(here) => *here = machine,
                None => self.machines.push(machine),
            }
        }
        self
    }

    /// The machine type of that name.
    pub fn find(&self, name: &str) -> Option<&MachineType> {
        self.machines.iter().find(|machine| machine.name == name)
    }

    /// The name that is written most like another one, if any is.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.machines.iter().map(|machine| machine.name.as_str()))
    }

    fn read_over(path: &Path, base: &Self) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        Self::parse(&text, &path.display().to_string(), base)
    }

    /// The machine of an entry, the `nth` of the file `file`, of which this has those before it.
    fn entry(&self, entry: Value, file: &str, nth: usize, base: &Self) -> Result<MachineType> {
        let Value::Table(table) = entry else {
            return Err(Error::invalid(
                format!("{file}, machine {nth}"),
                format!("{entry} is not a machine; write [[machine]] above its keys"),
            ));
        };
        let name = match table.get(NAME.0) {
            Some(Value::String(name)) => format!("`{}`", name.escape_debug()),
            _ => format!("{nth}, which has no name"),
        };
        let place = format!("{file}, machine {name}");
        let mut keys = Keys::new(place.clone(), table);
        let name = keys.text(NAME)?;
        let name = keys.required(NAME, name)?;
        if self.find(&name).is_some() {
            return Err(Error::invalid(place, "is there twice; leave one of the two out"));
        }
        let like = match keys.text(LIKE)? {
            None => base.find(&name),
            Some(like) => match self.find(&like).or_else(|| base.find(&like)) {
                Some(machine) => Some(machine),
                None => {
                    let near = self.nearest(&like).or_else(|| base.nearest(&like));
                    let near = near.map_or(String::new(), |near| format!("; `{near}` is"));
                    let reason = format!("\"{like}\" is not a machine that is there{near}");
                    return Err(keys.wrong(LIKE, reason));
                }
            },
        };
        if like.is_none()
            && let Some(near) = base.nearest(&name)
        {
            // What was meant to be a shipped machine lacks every key that is left out.
            keys.hint(format!("; or name the machine `{near}`, whose keys may be left out"));
        }
        entry::machine(keys, name, like)
    }
}
