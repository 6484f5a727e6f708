//! `print`: what follows from the tables.

use std::process::ExitCode;

use clap::CommandFactory;

use super::{Arguments, Ended, Printable, print_text};
use crate::config::{self, Config};
use crate::reference;

pub(super) fn run(what: Printable, effective: bool, config: &Config) -> Result<ExitCode, Ended> {
    if effective && what != Printable::Config {
        let kind = clap::error::ErrorKind::ArgumentConflict;
        Arguments::command().error(kind, "--effective goes with `print config` only").exit();
    }
    print_text(&match what {
        Printable::Metrics => reference::metrics(),
        Printable::Cost => reference::cost(config),
        Printable::IamPolicy => reference::iam_policy(config),
        Printable::Config if effective => config.effective(),
        Printable::Config => config::reference(),
    })
}
