//! The list `[[failover]]`: which region is meant to take over from which.

use super::expect::{ACCOUNTS, accounts};
use super::reader::Written;
use super::regions;
use super::section::{Section, Shape, optional};
use crate::expectations::Failover;

pub(super) const SECTION: Section = Section {
    name: "failover",
    shape: Shape::List,
    about: "Regions that must be able to take over from another, one [[failover]] each.",
    keys: &[
        ACCOUNTS,
        optional("primary", r#""eu-west-1""#, "The region that sends."),
        optional("standby", r#""eu-central-1""#, "The region that takes over; another one."),
    ],
};

/// Reads one; what is missing or mistaken is noted.
pub(super) fn read(section: &mut Written<'_>) -> Failover {
    let failover = Failover {
        accounts: accounts(section),
        primary: section.required("primary", regions::code),
        standby: section.required("standby", regions::code),
    };
    if !failover.primary.is_empty() && failover.primary == failover.standby {
        section.note("standby", "is the primary itself; name the region that takes over");
    }
    failover
}
