//! `print`: what follows from the tables.

use std::process::ExitCode;

use super::{Ended, Printable, print_text};
use crate::config::{self, Config};
use crate::reference;

pub(super) fn run(what: Printable, effective: bool, config: &Config) -> Result<ExitCode, Ended> {
    print_text(&match what {
        Printable::Metrics => reference::metrics(),
        Printable::IamPolicy => reference::iam_policy(config),
        Printable::Config if effective => config.effective(),
        Printable::Config => config::reference(),
    })
}
