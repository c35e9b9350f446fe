//! The `plimsoll` program: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    plimsoll::cli::main(std::env::args_os())
}
