//! The same attacks on this exporter and on node_exporter, in one run: `cargo bench --bench attack`.
//!
//! Attackers, scrapers and servers share one machine, so milliseconds depend on it; counts do not. What is promised of ours
//! is held: a limit that is broken ends the bench with an error. With `BLESS=1` the table is written into SECURITY.md.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench prints, and stops at the first surprise; counts are small"
)]

mod attacks;
#[path = "../../web/certificates.rs"]
#[expect(dead_code, reason = "the tests of the web server need more of it")]
mod certificates;
mod scrapes;
mod servers;

use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use attacks::{Attack, Life};
use servers::{Kind, Server};

/// How long an attack lasts: longer than the 6 s in which those who are slow on purpose must be gone.
const LASTS: Duration = Duration::from_secs(8);
/// A head has 5 s; the clock of both sides and a busy machine may add to it.
const GONE: Duration = Duration::from_secs(6);
/// The memory that an attack may cost, in MiB.
const MOST_MEMORY: f64 = 64.0;
/// The attackers of one run, and the descriptors of the servers.
const DESCRIPTORS: u32 = 8192;
const BEGIN: &str = "<!-- begin attack -->\n";
const END: &str = "<!-- end attack -->";

/// What one server made of one attack.
struct Outcome {
    /// How long each scrape took; none where there was no whole answer in time.
    scrapes: Vec<Option<Duration>>,
    lives: Vec<Life>,
    /// MiB.
    grown: f64,
}

impl Outcome {
    fn of(attack: Attack, server: &Server) -> Outcome {
        let prometheus = scrapes::Scraper::new(server);
        assert!(prometheus.once().is_some(), "{} does not answer before it is attacked", server.kind.name());
        let before = server.resident();
        let (until, over) = (Instant::now() + LASTS, &AtomicBool::new(false));
        std::thread::scope(|scope| {
            let memory = scope.spawn(move || {
                let mut most = before;
                while !over.load(Ordering::Relaxed) {
                    most = most.max(server.resident());
                    std::thread::sleep(Duration::from_millis(50)); // the pace of the looks
                }
                most
            });
            // On a thread of their own, so that attackers take the scraper's time no more than other hosts would.
            let lives = scope.spawn(move || attack.run(server, until));
            let scrapes = prometheus.until(until, attack.scrapers());
            let lives = lives.join().expect("the attackers");
            over.store(true, Ordering::Relaxed);
            Outcome { scrapes, lives, grown: memory.join().expect("the looks") - before }
        })
    }

    /// Percent.
    fn answered(&self) -> f64 {
        100.0 * self.scrapes.iter().flatten().count() as f64 / self.scrapes.len() as f64
    }

    /// The time below which 99 of 100 scrapes stayed; one without an answer counts as for ever.
    fn p99(&self) -> Option<Duration> {
        let mut times: Vec<Duration> = self.scrapes.iter().map(|time| time.unwrap_or(Duration::MAX)).collect();
        times.sort();
        times.get((times.len() * 99).div_ceil(100).saturating_sub(1)).copied().filter(|time| *time < Duration::MAX)
    }

    /// Percent of the connections that the server had closed after 6 s; none where nobody stayed that long to see.
    fn closed(&self) -> Option<f64> {
        let told = self.lives.iter().filter(|life| life.closed || life.lasted > GONE).count();
        let in_time = self.lives.iter().filter(|life| life.closed && life.lasted <= GONE).count();
        (told > 0).then(|| 100.0 * in_time as f64 / told as f64)
    }

    fn row(&self, attack: Attack, kind: Kind) -> String {
        let p99 = self.p99().map_or("none".to_owned(), |time| format!("{} ms", time.as_millis()));
        let closed =
            self.closed().filter(|_| attack.is_slow()).map_or("–".to_owned(), |closed| format!("{closed:.0} %"));
        let first = if kind == Kind::Ours { attack.name() } else { "" };
        let (name, answered, all, grown) = (kind.name(), self.answered(), self.scrapes.len(), self.grown);
        format!("| {first} | {name} | {answered:.1} % of {all} | {p99} | {closed} | {grown:.0} MiB |\n")
    }

    /// What of the promises was not kept.
    fn broken(&self, attack: Attack) -> Vec<String> {
        let mut broken = Vec::new();
        let mut hold = |kept: bool, what: String| {
            if !kept {
                broken.push(format!("{}: {what}", attack.name()));
            }
        };
        let least = attack.least_answered();
        hold(self.answered() >= least, format!("{:.1} % of the scrapes were answered, not {least} %", self.answered()));
        hold(self.grown <= MOST_MEMORY, format!("{:.0} MiB more, not {MOST_MEMORY}", self.grown));
        let closed = self.closed().filter(|_| attack.is_slow()).unwrap_or(100.0);
        hold(closed >= 100.0, format!("{closed:.1} % of the connections were closed within {} s", GONE.as_secs()));
        broken
    }
}

fn main() -> ExitCode {
    const AGAIN: &str = "SES_EXPORTER_BENCH_DESCRIPTORS";
    if std::env::var_os(AGAIN).is_none() {
        let mut again = Command::new("sh");
        again.args(["-c", r#"ulimit -n "$1" || exit 99; shift; exec "$@""#, "sh", &DESCRIPTORS.to_string()]);
        let status = again.arg(std::env::current_exe().unwrap()).env(AGAIN, "1").status().unwrap();
        return if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let mut table =
        "| attack | on | scrapes answered | p99 | closed within 6 s | memory |\n|---|---|---|---|---|---|\n".to_owned();
    print!("{table}");
    let mut broken = Vec::new();
    for attack in Attack::ALL {
        for kind in [Kind::Ours, Kind::NodeExporter] {
            let outcome = Outcome::of(attack, &Server::start(kind, attack.setup()));
            let row = outcome.row(attack, kind);
            print!("{row}");
            table += &row;
            if kind == Kind::Ours {
                broken.extend(outcome.broken(attack));
            }
        }
    }
    if std::env::var_os("BLESS").is_some() {
        bless(&table);
    }
    for sentence in &broken {
        println!("broken: {sentence}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn bless(table: &str) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/SECURITY.md");
    let text = std::fs::read_to_string(file).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the place of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    std::fs::write(file, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
}
