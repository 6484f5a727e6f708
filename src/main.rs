//! Arguments to a command to an exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    ses_exporter::cli::run()
}
