//! Section `[poll]`: how long an answer may take, and how long it counts.

use std::time::Duration;

use humantime::format_duration;

use super::Poll;
use super::reader::{Document, Written, duration, number};
use super::section::{Section, Shape, key};

pub(super) const SECTION: Section = Section {
    name: "poll",
    shape: Shape::Once,
    about: "How long an answer may take, and how long it counts. How often SES is asked stands in [collectors].",
    keys: &[
        key("attempt_timeout", r#""10s""#, "The longest wait for one attempt of one request: \"1s\" to \"1m\"."),
        key("connect_timeout", r#""3s""#, "The longest wait for a connection: \"100ms\" up to attempt_timeout."),
        key(
            "read_timeout",
            r#""2m""#,
            "The longest that one reading of a collector may take, with all its requests and their repetitions: from \
             attempt_timeout to \"1h\". Waiting for the budget does not count.",
        ),
        key(
            "stale_after",
            r#""1h""#,
            "How long the last good reading is shown while newer ones fail. Then its series disappear. At least three \
             times the longest interval of the collectors that run, so that a short outage resolves no alert; at \
             most \"30days\".",
        ),
        key(
            "jitter",
            "0.5",
            "By how much of its interval the second reading of a target is put off at most, 0 to 1; the later ones \
             follow every interval. So many targets are not asked at once.",
        ),
    ],
};

/// SES answers from afar in less than 1 s when all is well; below that every slow answer would be thrown away. After a
/// minute nobody answers any more.
const ATTEMPT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// A packet around the world and back takes 300 ms, one to the next rack less than 1 ms; a proxy may be near.
const CONNECT_FLOOR: Duration = Duration::from_millis(100);
/// A reading that takes longer than an hour has outlived the default of `stale_after`.
const READ_CEILING: Duration = Duration::from_hours(1);
/// What is older than a month says nothing about today.
const STALE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_hours(30 * 24));

pub(super) fn read(document: &mut Document<'_>) -> Poll {
    let mut section = document.section(&SECTION);
    let poll = Poll {
        attempt_timeout: section.get("attempt_timeout", duration(ATTEMPT.0..=ATTEMPT.1)),
        connect_timeout: section.get("connect_timeout", duration(CONNECT_FLOOR..=ATTEMPT.1)),
        read_timeout: section.get("read_timeout", duration(ATTEMPT.0..=READ_CEILING)),
        stale_after: section.get("stale_after", duration(STALE.0..=STALE.1)),
        jitter: section.get("jitter", number(0.0..=1.0)),
    };
    check_order(&mut section, &poll);
    poll
}

/// Connecting is a part of an attempt, and an attempt a part of a reading.
fn check_order(section: &mut Written<'_>, poll: &Poll) {
    let Poll { attempt_timeout: attempt, connect_timeout: connect, read_timeout: reading, .. } = *poll;
    let pairs = [
        ("connect_timeout", connect, "attempt_timeout", attempt),
        ("attempt_timeout", attempt, "read_timeout", reading),
    ];
    for (part, shorter, whole, longer) in pairs {
        if shorter > longer && section.right(&[part, whole]) {
            let (shorter, longer) = (format_duration(shorter), format_duration(longer));
            let what =
                format!("{part}, {shorter}, is longer than {whole}, {longer}; shorten the one or lengthen the other");
            section.note_first(&[part, whole], what);
        }
    }
}
