//! The flags that ask.

use crate::cli::values;
use crate::error::{Error, Result};
use crate::record::{Question, Service};
use crate::units::{self, Nanos};

/// What is asked.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Question")]
pub(super) struct Asked {
    /// Images of the job: 10M.
    #[arg(long, value_name = "N", value_parser = units::parse_count, conflicts_with = "rate")]
    pub(super) images: Option<u64>,

    /// How long the job may take, from the request to the last image: 1h. Needs as many machines as
    /// it takes.
    #[arg(long, value_name = "TIME", value_parser = units::parse_span, conflicts_with = "rate")]
    deadline: Option<Nanos>,

    /// What the job, or an hour of the service, may cost: 50usd.
    #[arg(long, value_name = "USD", value_parser = values::usd)]
    budget: Option<f64>,

    /// Requests a second, of one image each, that a service has to hold: 5k/s. Needs --slo.
    #[arg(long, value_name = "RATE", value_parser = values::rate, requires = "slo")]
    rate: Option<f64>,

    /// The quantile of the requests' latencies that has to be within a limit: p99=20ms.
    #[arg(long, value_name = "pQ=TIME", value_parser = values::objective, requires = "rate")]
    slo: Option<(f64, Nanos)>,
}

impl Asked {
    /// Whether no flag asks for anything.
    pub(super) fn is_nothing(&self) -> bool {
        self.images.is_none() && self.rate.is_none()
    }

    /// The question.
    ///
    /// # Errors
    /// [`Error::Invalid`] where nothing is asked.
    pub(super) fn question(&self) -> Result<Question> {
        if self.is_nothing() {
            return Err(Error::invalid(
                "nothing is asked for",
                "give --images N for a job, or --rate R/s --slo p99=TIME for a service",
            ));
        }
        let service = self.rate.zip(self.slo).map(|(rate_per_s, (quantile, limit))| Service {
            rate_per_s,
            quantile,
            limit_ns: limit.0,
        });
        Ok(Question {
            images: self.images,
            deadline_s: self.deadline.map(Nanos::seconds),
            budget_usd: self.budget,
            service,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        asked: Asked,
    }

    fn asks(args: &[&str]) -> Result<Question> {
        Line::try_parse_from([&["size"], args].concat())
            .map_err(|error| Error::invalid("arguments", error.to_string()))?
            .asked
            .question()
    }

    #[test]
    fn a_question_is_read_as_people_write_it() {
        let job = asks(&["--images", "10M", "--deadline", "1h", "--budget", "50usd"]).unwrap();
        let wanted = Question {
            images: Some(10_000_000),
            deadline_s: Some(3_600.0),
            budget_usd: Some(50.0),
            service: None,
        };
        assert_eq!(job, wanted);
        let service = asks(&["--rate", "5k/s", "--slo", "p99=20ms"]).unwrap().service.unwrap();
        assert_eq!(service, Service { rate_per_s: 5_000.0, quantile: 0.99, limit_ns: 20_000_000 });
    }

    #[test]
    fn what_is_half_asked_is_refused() {
        for (args, says) in [
            (&[][..], "give --images N for a job"),
            (&["--budget", "5"], "give --images N for a job"),
            (&["--rate", "5k"], "--slo"),
            (&["--slo", "p99=1ms"], "--rate"),
            (&["--images", "1", "--rate", "5", "--slo", "p99=1ms"], "cannot be used with"),
            (&["--images", "x"], "not a count"),
        ] {
            let error = asks(args).unwrap_err().to_string();
            assert!(error.contains(says), "{args:?}: {error}");
        }
    }
}
