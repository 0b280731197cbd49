//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    driftless::cli::main()
}
