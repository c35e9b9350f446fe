//! The machine types that there are to choose among.

use std::path::{Path, PathBuf};

use super::MachineType;
use crate::error::{Error, Result};

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
        Ok(Self::default())
    }

    /// The shipped catalogue with each of the files over what is before it. What a command does
    /// with its `--catalog` flags.
    ///
    /// # Errors
    /// As [`Catalogue::read`].
    pub fn of(files: &[PathBuf]) -> Result<Self> {
        files.iter().try_fold(Self::shipped()?, |all, file| Ok(all.with(Self::read(file)?)))
    }

    /// The machines of a file. An entry that names a shipped machine may leave keys out: they are
    /// as shipped.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, else [`Error::Invalid`] that names the file,
    /// the machine and the key, and says what to write instead.
    pub fn read(path: &Path) -> Result<Self> {
        Err(Error::unavailable(path.display().to_string(), "catalogues are not read yet"))
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
}
