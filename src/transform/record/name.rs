//! Names of jobs that were given none.

use std::hash::{BuildHasher, RandomState};

use super::time::Time;

/// A name that no other job has, most likely: `transform-20261122-143015-ab12`.
pub fn new_job_name() -> String {
    // The standard library's own randomness, which is there for tables, is enough to tell jobs of
    // one second apart.
    name(Time::now(), RandomState::new().hash_one(std::process::id()) as u16)
}

fn name(now: Time, random: u16) -> String {
    format!("transform-{}-{random:04x}", now.compact())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::request::check_job_name;

    #[test]
    fn a_name_says_when_the_job_was_created() {
        let time = Time::from_millis(1_795_357_815_123);
        assert_eq!(name(time, 0xab), "transform-20261122-143015-00ab");
    }

    #[test]
    fn every_name_is_allowed() {
        for millis in [0, 1, u64::MAX] {
            check_job_name(&name(Time::from_millis(millis), u16::MAX)).unwrap();
        }
        check_job_name(&new_job_name()).unwrap();
    }
}
