//! Which instruction set the kernels run on.

#[cfg(target_arch = "aarch64")]
use super::simd::Neon;
use super::simd::Portable;
#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512};
use crate::error::{Error, Result};

/// Forces an instruction set, for measuring and for tests of one machine's results on another.
const VARIABLE: &str = "PLIMSOLL_ISA";

/// An instruction set that the kernels are compiled for, and that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isa {
    /// What every machine of the architecture has.
    Portable(Portable),
    /// 8 lanes and fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// 16 lanes, fused multiply-add, twice the registers.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512, Avx2),
    /// 4 lanes, fused multiply-add, 32 registers.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Isa {
    /// The name in the environment.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(..) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
        }
    }

    /// What this machine runs, the fastest last.
    pub(super) fn available() -> Vec<Self> {
        let mut found = vec![Self::Portable(Portable)];
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = Avx2::find() {
            found.push(Self::Avx2(avx2));
            found.extend(Avx512::find().map(|avx512| Self::Avx512(avx512, avx2)));
        }
        #[cfg(target_arch = "aarch64")]
        found.push(Self::Neon(Neon));
        found
    }

    /// The one that the environment names, else the fastest.
    pub(super) fn from_environment() -> Result<Self> {
        let forced = std::env::var_os(VARIABLE);
        choose(forced.as_ref().map(|name| name.to_string_lossy()).as_deref(), &Self::available())
    }
}

/// The one of that name, else the last.
fn choose(forced: Option<&str>, available: &[Isa]) -> Result<Isa> {
    let Some(name) = forced.filter(|name| !name.is_empty()) else {
        return Ok(available.last().copied().unwrap_or(Isa::Portable(Portable)));
    };
    available.iter().copied().find(|isa| isa.name() == name).ok_or_else(|| {
        let names: Vec<_> = available.iter().map(|isa| isa.name()).collect();
        Error::invalid(
            format!("{VARIABLE}={name}"),
            format!("this machine runs {}; choose one of them or unset it", names.join(", ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_is_chosen_unless_another_is_forced() {
        let all = Isa::available();
        assert_eq!(choose(None, &all).unwrap(), *all.last().unwrap());
        assert_eq!(choose(Some(""), &all).unwrap(), *all.last().unwrap());
        for isa in &all {
            assert_eq!(choose(Some(isa.name()), &all).unwrap(), *isa);
        }
    }

    #[test]
    fn what_the_machine_lacks_is_refused_with_what_it_has() {
        for name in ["avx512", "sse9"] {
            assert_eq!(
                choose(Some(name), &[Isa::Portable(Portable)]).unwrap_err().to_string(),
                format!(
                    "PLIMSOLL_ISA={name}: this machine runs portable; choose one of them or unset it"
                )
            );
        }
    }
}
