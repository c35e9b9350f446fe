//! A request that is still being put together, of a file and of flags.

use serde_json::{Map, Value};

use super::body::CreateTransformJob;
use super::fields::REQUEST;
use super::walk::{self, Extent};
use crate::error::{Error, Result};

/// A request that may lack fields. What is there is sound by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft(Map<String, Value>);

impl Draft {
    /// Reads a request's body, or a part of one.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what is no JSON, [`Error::Invalid`] that names a wrong field by
    /// its path.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let value = serde_json::from_slice(bytes)
            .map_err(|error| Error::malformed("job request", format!("no JSON: {error}")))?;
        let Value::Object(map) = value else {
            return Err(Error::malformed(
                "job request",
                "it must be a JSON object, as CreateTransformJob takes it",
            ));
        };
        walk::check(&map, REQUEST, "", Extent::Part)?;
        Ok(Self(map))
    }

    /// Sets the field at a path, such as `TransformInput.ContentType`, over what may be there.
    pub fn set(&mut self, path: &str, value: impl Into<Value>) {
        if let Some(place) = self.place(path) {
            *place = value.into();
        }
    }

    /// Sets the field at a path where it is not there yet.
    pub fn set_missing(&mut self, path: &str, value: impl Into<Value>) {
        if let Some(place @ Value::Null) = self.place(path) {
            *place = value.into();
        }
    }

    /// Its fields, as JSON has them.
    pub(in crate::transform) fn map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Sets a variable of the environment. Its name is no path: it may be any text, which is then
    /// refused as such.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        if let Some(place) = self.place("Environment") {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            if let Some(variables) = place.as_object_mut() {
                variables.insert(name.to_owned(), value.into());
            }
        }
    }

    /// The text at a path, where one is there.
    pub fn text(&self, path: &str) -> Option<&str> {
        let mut names = path.split('.');
        let first = self.0.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))?.as_str()
    }

    /// The place of a path, made where it is missing. There is none below a field that is no
    /// object, which a draft does not have.
    fn place(&mut self, path: &str) -> Option<&mut Value> {
        let mut names = path.split('.');
        let mut place = self.0.entry(names.next()?).or_insert(Value::Null);
        for name in names {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            place = place.as_object_mut()?.entry(name).or_insert(Value::Null);
        }
        Some(place)
    }

    /// The request, with every field by itself as it should be;
    /// [`CreateTransformJob::check`] looks at how they go together.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names a wrong or a missing field by its path.
    pub fn finish(self) -> Result<CreateTransformJob> {
        walk::check(&self.0, REQUEST, "", Extent::Whole)?;
        serde_json::from_value(Value::Object(self.0)).map_err(|error| {
            Error::Bug(format!("a request that was checked does not fit: {error}"))
        })
    }
}

impl From<&CreateTransformJob> for Draft {
    fn from(request: &CreateTransformJob) -> Self {
        match serde_json::to_value(request) {
            Ok(Value::Object(map)) => Self(map),
            // A struct of texts and numbers is always a JSON object.
            _ => Self::default(),
        }
    }
}
