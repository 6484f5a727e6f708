//! Another configuration for an agent that runs: on SIGHUP, on request, or because the file has changed.
//!
//! One is taken up after the other, whole or not at all: a configuration that is mistaken changes nothing, and is told
//! once to the log and to whoever asked. It never looks at arguments again, only at the file.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Common;
use crate::config::{Config, Mistakes};
use crate::exporter::Exporter;
use crate::shutdown::Hangups;
use crate::site::{Reloaded, Wish};

/// How often a file that is watched is looked at. With one more look until it rests, a change is in force within five
/// seconds, which is little beside the minute that a mounted Kubernetes ConfigMap takes.
const LOOK: Duration = Duration::from_secs(2);
/// A file that takes longer to be read will not be: it is a pipe, or its network has gone.
const LONGEST_READ: Duration = Duration::from_secs(10);
/// So many requests may wait for their reload; each is answered within moments.
pub(super) const MOST_WISHES: usize = 16;

/// What reading the configuration gives.
type Loaded = Result<Config, Mistakes>;

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    file: Option<PathBuf>,
    /// The text of `--aws.regions`.
    regions: Option<String>,
    /// Whether a change of the file is taken up by itself.
    watch: bool,
}

/// What was seen of the file: what was tried last, and what stood there at the last look.
struct Watched {
    tried: Loaded,
    last: Loaded,
}

/// Why the configuration is looked at, or that there is nothing to look after any more.
enum Cause {
    Failed(String),
    Wish(Wish),
    Hangup,
    Look,
}

impl Source {
    /// The file that the arguments name, and what they say besides.
    pub(super) fn of(common: &Common, watch: bool) -> Self {
        Self { file: common.config_file.clone(), regions: common.regions.clone(), watch }
    }

    /// Its name, for people.
    pub(super) fn name(&self) -> String {
        match &self.file {
            // Quoted as Rust does: a name with a line break in it must stay on its line.
            Some(file) => format!("{:?}", file.display().to_string()),
            None => "no file".to_owned(),
        }
    }

    /// Reads the file as a start does.
    async fn load(&self) -> Loaded {
        let Self { file, regions, .. } = self.clone();
        let load = spawn_blocking(move || Config::load(file.as_deref(), regions.as_deref()));
        if let Ok(Ok(loaded)) = timeout(LONGEST_READ, load).await {
            return loaded;
        }
        let why = "it could not be read within 10s; mend that or name another file";
        Err(Mistakes::unreadable(self.file.as_deref().unwrap_or("".as_ref()), why))
    }
}

impl Watched {
    /// What the agent runs by was read from the file.
    fn new(config: Config) -> Self {
        Self { tried: Ok(config.clone()), last: Ok(config) }
    }

    /// Notes what stands in the file now, and says whether it is to be taken up: it is another configuration than the
    /// one that was tried last, and it stood there at the last look too, so nobody is still writing.
    fn is_due(&mut self, now: &Loaded) -> bool {
        let rests = *now == self.last;
        self.last.clone_from(now);
        rests && *now != self.tried
    }
}

/// Takes up configurations until the agent can't go on, and says why it can't.
pub(super) async fn follow(
    exporter: &mut Exporter,
    source: &Source,
    mut hangups: Hangups,
    mut wishes: mpsc::Receiver<Wish>,
) -> String {
    let mut watched = Watched::new(Config::clone(&exporter.in_force.borrow().config));
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let cause = tokio::select! {
            reason = exporter.failed() => Cause::Failed(reason),
            Some(wish) = wishes.recv() => Cause::Wish(wish),
            () = hangups.next() => Cause::Hangup,
            _ = looks.tick(), if source.watch => Cause::Look,
        };
        if let Cause::Failed(reason) = cause {
            return reason;
        }
        let loaded = source.load().await;
        if matches!(cause, Cause::Look) && !watched.is_due(&loaded) {
            continue;
        }
        let reloaded = take_up(exporter, &loaded).await;
        watched.tried = loaded;
        if let Cause::Wish(wish) = cause {
            let _ = wish.send(reloaded); // whoever asked may have gone
        }
    }
}

async fn take_up(exporter: &mut Exporter, loaded: &Loaded) -> Reloaded {
    let (line, list) = match loaded {
        Ok(config) => match exporter.reload(config).await {
            Ok(change) => {
                tracing::info!("the configuration is loaded and in force: {change}");
                return Reloaded::Taken(change);
            }
            Err(error) => (error.to_string(), format!("{error}; the configuration before stays in force")),
        },
        Err(mistakes) => (mistakes.in_one_line(), mistakes.while_running()),
    };
    exporter.refused();
    tracing::error!("the configuration is not taken; the one before stays in force: {line}");
    Reloaded::Refused(list)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn loaded(text: &str) -> Loaded {
        Config::parse("t.toml", text, Path::new("."), None)
    }

    #[test]
    fn a_change_is_due_when_it_rests_and_once() {
        let mut watched = Watched::new(Config::default());
        let (other, broken) = (loaded("[poll]\njitter = 0.1\n"), loaded("[poll\n"));
        assert!(!watched.is_due(&loaded("# only a comment\n")));
        assert!(!watched.is_due(&other), "somebody may still be writing");
        assert!(!watched.is_due(&broken), "somebody was");
        assert!(!watched.is_due(&other));
        assert!(watched.is_due(&other));
        watched.tried = other.clone();
        assert!(!watched.is_due(&other), "it was tried");
        assert!(!watched.is_due(&broken));
        assert!(watched.is_due(&broken), "that it can't be taken is told too");
        watched.tried = broken.clone();
        assert!(!watched.is_due(&broken), "and told once");
        assert!(!watched.is_due(&other));
        assert!(watched.is_due(&other), "what was in force before is due again, so that all is well again");
    }

    #[test]
    fn a_name_stays_on_its_line() {
        let source = |file: Option<&str>| Source { file: file.map(PathBuf::from), regions: None, watch: false };
        assert_eq!(source(Some("/etc/a.toml")).name(), "\"/etc/a.toml\"");
        assert_eq!(source(Some("a\n[aws]")).name(), "\"a\\n[aws]\"");
        assert_eq!(source(None).name(), "no file");
    }
}
