//! The rules of `deploy/` in fast motion: a day passes in less than two and a half minutes.
//!
//! Only durations change: `for`, `keep_firing_for`, the interval of a group, what is between brackets, `offset`, and
//! the one age that is compared with a number. Thresholds, labels and texts stay as they are.

/// By how much time is pressed together.
const FASTER: u64 = 600;
/// The shortest duration in seconds: agents need up to three seconds to show what has changed, Prometheus two to see
/// it, and a busy machine takes its time. What lasts for less than this must not be told.
const SHORTEST: u64 = 10;
/// The shortest step of a subquery: it must find samples that are two seconds apart.
const SHORTEST_STEP: u64 = 2;
/// The shortest look into the past: what was there then and is gone now is told for no longer than that.
const SHORTEST_OFFSET: u64 = 15;
/// An age that a rule compares with a plain number of seconds, and the same in fast motion: longer than the look into
/// the past.
const AGE: (&str, &str) = ("reload_success_timestamp_seconds < 7200", "reload_success_timestamp_seconds < 30");

/// A file of rules in fast motion.
pub(super) fn scaled(rules: &str) -> String {
    let lines = rules.lines().map(|line| match line.trim_start().split_once(": ") {
        Some(("interval", _)) => "    interval: 1s".to_owned(),
        _ => line_scaled(line),
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    text.replace(AGE.0, AGE.1)
}

/// A line with every duration that follows one of the marks made shorter.
fn line_scaled(line: &str) -> String {
    const MARKS: [&str; 3] = ["for: ", "[", "offset "];
    let mut out = String::new();
    let mut rest = line;
    while let Some((at, mark)) = MARKS.iter().filter_map(|mark| Some((rest.find(mark)? + mark.len(), mark))).min() {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        rest = after;
        if let Some((seconds, length)) = duration(rest) {
            out.push_str(&shorter(seconds, if *mark == "offset " { SHORTEST_OFFSET } else { SHORTEST }));
            rest = &rest[length..];
            if let Some(step) = rest.strip_prefix(':').filter(|_| *mark == "[")
                && let Some((seconds, length)) = duration(step)
            {
                out.push(':');
                out.push_str(&shorter(seconds, SHORTEST_STEP));
                rest = &step[length..];
            }
        }
    }
    out + rest
}

fn shorter(seconds: u64, shortest: u64) -> String {
    format!("{}s", (seconds / FASTER).max(shortest))
}

/// A duration at the beginning of a text, in seconds, and how many bytes it takes: `15m`, `7d`.
fn duration(text: &str) -> Option<(u64, usize)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].chars().next()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    Some((number * unit, digits + 1))
}

#[test]
fn durations_are_scaled_and_nothing_else() {
    let rules = "\
  - name: x
    interval: 5m
      - alert: X
        expr: |
          max_over_time(ses_sent_24h[7d:10m]) and last_over_time(a{status=~\"[A-Z]+\"}[30m] offset 60h) < 4 * 3600
          unless a offset 1h
        for: 1h
        keep_firing_for: 5m
          description: within the last 7 days, for 15 minutes; declare it in [[expect]].
";
    let expected = "\
  - name: x
    interval: 1s
      - alert: X
        expr: |
          max_over_time(ses_sent_24h[1008s:2s]) and last_over_time(a{status=~\"[A-Z]+\"}[10s] offset 360s) < 4 * 3600
          unless a offset 15s
        for: 10s
        keep_firing_for: 10s
          description: within the last 7 days, for 15 minutes; declare it in [[expect]].
";
    assert_eq!(scaled(rules), expected);
}
