//! `print`: what follows from the tables.

use std::process::ExitCode;

use clap::CommandFactory;

use super::{Arguments, Ended, Printable, Schema, print_text};
use crate::config::{self, Config};
use crate::reference;

pub(super) fn run(what: Printable, of: Option<Schema>, effective: bool, config: &Config) -> Result<ExitCode, Ended> {
    if of.is_some() && what != Printable::Schema {
        let kind = clap::error::ErrorKind::ArgumentConflict;
        Arguments::command().error(kind, "check, estate, send and explain go with `print schema` only").exit();
    }
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
        Printable::Schema => of.map(Schema::text).unwrap_or_default().to_owned(), // clap has asked for it
    })
}
