//! What is found before the start, gathered so that all of it is said at once.

use super::job::{Finding, Progress, Severity};
use crate::error::{Error, Result};

/// Warnings and errors, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Found>);

#[derive(Debug)]
enum Found {
    Warning(String),
    Error(Error),
}

impl Findings {
    /// Notes something that may not be what was meant.
    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.0.push(Found::Warning(text.into()));
    }

    /// Notes something that keeps the job from being run.
    pub(super) fn refuse(&mut self, error: Error) {
        self.0.push(Found::Error(error));
    }

    /// The value, or a note of why there is none.
    pub(super) fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.refuse(error)).ok()
    }

    /// Whether the job can be run.
    pub(super) fn sound(&self) -> bool {
        self.0.iter().all(|found| matches!(found, Found::Warning(_)))
    }

    /// Says all that was found, and gives it.
    ///
    /// # Errors
    /// The last error, where there is one: it is the one that is not said.
    pub(super) fn say(mut self, observe: &mut dyn FnMut(Progress)) -> Result<Vec<Finding>> {
        let last = self.0.iter().rposition(|found| matches!(found, Found::Error(_)));
        let last = last.map(|at| self.0.remove(at));
        let findings: Vec<Finding> = self.0.into_iter().map(Finding::from).collect();
        findings.iter().for_each(|finding| observe(Progress::Found(finding.clone())));
        match last {
            Some(Found::Error(error)) => Err(error),
            Some(Found::Warning(_)) | None => Ok(findings),
        }
    }
}

impl From<Found> for Finding {
    fn from(found: Found) -> Self {
        match found {
            Found::Warning(text) => Self { severity: Severity::Warning, text },
            Found::Error(error) => Self { severity: Severity::Error, text: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(findings: Findings) -> (Vec<String>, Result<usize, String>) {
        let mut said = Vec::new();
        let outcome = findings.say(&mut |progress| {
            let Progress::Found(Finding { severity, text }) = progress else { return };
            said.push(format!("{severity:?}: {text}"));
        });
        (said, outcome.map(|all| all.len()).map_err(|error| error.to_string()))
    }

    #[test]
    fn everything_is_said_once_and_the_last_error_is_the_one_that_is_given() {
        let mut findings = Findings::default();
        findings.refuse(Error::invalid("a", "1"));
        findings.warn("odd");
        assert_eq!(findings.keep(Ok(3)), Some(3));
        assert_eq!(findings.keep::<()>(Err(Error::invalid("b", "2"))), None);
        findings.warn("odder");
        assert!(!findings.sound());
        let (said, outcome) = said(findings);
        assert_eq!(said, ["Error: a: 1", "Warning: odd", "Warning: odder"]);
        assert_eq!(outcome, Err("b: 2".into()));
    }

    #[test]
    fn warnings_alone_keep_nothing_from_being_run() {
        let mut findings = Findings::default();
        findings.warn("odd");
        assert!(findings.sound());
        assert_eq!(said(findings), (vec!["Warning: odd".into()], Ok(1)));
    }
}
