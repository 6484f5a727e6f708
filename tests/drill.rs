//! The drill: every alert is made true, arrives, is taken back, and is told to be over.
//!
//! Nothing is pretended but AWS and the passing of days. The real agent reads the simulator, a real Prometheus scrapes
//! it and evaluates the rules of `deploy/` in fast motion, a real Alertmanager with our inhibitions sends the
//! notifications to a webhook. Each alert owns an account, all are driven at once, and in no account may anything be
//! told that is not meant.

mod acts;
mod receiver;
mod scale;
mod silence;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ses_exporter::simulator::{Bucket, Sending};

use self::acts::{Act, acts, quarter_hour};
use self::receiver::{Notice, Receiver};
use self::stage::{BLIND, Hand, QUIET, account_of, ask};
use crate::support::programs::{Program, free_port};
use crate::support::rules::alerts;
use crate::support::{Agent, Aws};

/// Alerts that the agents themselves are the reason of; what makes them true stands in `agents_in_trouble`.
const OF_AGENTS: [&str; 6] = [
    "SESExporterDown critical",
    "SESExporterNoSeries critical",
    "SESExporterAccountUnknown warning",
    "SESExporterConfigRefused warning",
    "SESExporterCertificateExpires warning",
    "SESExporterWebConfigRefused warning",
];
/// Alerts that can't be driven so, and why. There are none; promtool tests hold all of them as well.
const NOT_DRIVEN: &[(&str, &str)] = &[];
/// How long an alert may take to arrive, and to be over. The longest `offset` is 48 hours, 288 seconds here; without
/// what takes that long it is a day, 144 seconds.
const PATIENCE: Duration = Duration::from_mins(4);
const LONG_PATIENCE: Duration = Duration::from_mins(8);
/// How long SESIdentityVanished says nothing after the start of an agent, in fast motion, and a second.
const SILENCE_AFTER_START: f64 = 31.0;

#[test]
fn every_alert_is_driven_or_it_is_argued_why_not() {
    let all: Vec<String> = alerts().iter().map(|alert| format!("{} {}", alert.name, alert.severity)).collect();
    let driven: Vec<String> = acts().iter().map(|act| act.alert.to_owned()).collect();
    let argued = NOT_DRIVEN.iter().map(|(alert, _)| (*alert).to_owned());
    let mut here: Vec<String> = driven.into_iter().chain(OF_AGENTS.map(str::to_owned)).chain(argued).collect();
    here.sort();
    let mut there = all;
    there.sort();
    assert_eq!(here, there);
}

/// How far an alert has come.
#[derive(Debug, Clone, Copy)]
enum Progress {
    Made(Instant),
    Fired(Instant, Duration),
    Over(Duration, Duration),
}

#[test]
fn every_alert_arrives_and_is_told_to_be_over() {
    let long = std::env::var_os("SES_EXPORTER_LONG").is_some();
    let acts: Vec<Act> = acts().into_iter().filter(|act| long || !act.long).collect();
    let patience = if long { LONG_PATIENCE } else { PATIENCE };
    let began = Instant::now();
    let aws = Aws::start(stage::world(&acts));
    let hand = Hand { aws: &aws, acts: &acts };
    let receiver = Receiver::start();
    let alertmanager = stage::alertmanager(receiver.address);
    let here = free_port();
    let (watcher, mortal, blind) =
        (stage::watcher(&aws, &acts), stage::mortal(&aws, &acts, here), stage::blind(&aws, &acts));
    let unknown = hand.order(
        "POST",
        "faults",
        &json!({ "kind": "server_error", "status": 503, "operation": "GetCallerIdentity", "account": "222222222222" }),
    );
    let tls = stage::Tls::new();
    let nameless = stage::nameless(&aws, &acts, &tls);
    let targets = [watcher.address, here, blind.address, nameless.address];
    let prometheus = stage::prometheus(&targets, alertmanager.address);
    settle(&prometheus, &receiver, acts.len());
    println!("measured: all is well after {} s", began.elapsed().as_secs());

    thread::scope(|scope| {
        let agents =
            scope.spawn(|| agents_in_trouble(&hand, &receiver, mortal, here, &blind, &unknown["id"], nameless.address));
        let keys = scope.spawn(|| keys_in_trouble(&receiver, &tls, nameless.address));
        let quiet = scope.spawn(|| a_batch_drains(&hand, &watcher));
        drive(&hand, &receiver, patience);
        agents.join().unwrap();
        keys.join().unwrap();
        quiet.join().unwrap();
    });
    only_what_was_meant(&receiver.heard(), &acts, &targets);
    texts_are_whole(&receiver.heard());
    println!("measured: the drill of {} alerts took {} s", acts.len() + OF_AGENTS.len(), began.elapsed().as_secs());
}

/// Waits until every collector of every agent has succeeded and no start is younger than what keeps alerts silent.
fn settle(prometheus: &Program, receiver: &Receiver, acts: usize) {
    let all = format!("count(ses_exporter_collector_success) > 6 * {acts} == sum(ses_exporter_collector_success)");
    patiently("every collector succeeds", || ask(prometheus, &all).is_some());
    let age = "min(time() - ses_exporter_config_last_reload_success_timestamp_seconds)";
    patiently("the agents are old enough", || ask(prometheus, age) > Some(SILENCE_AFTER_START));
    let told: BTreeSet<String> = receiver.heard().iter().map(Notice::name).collect();
    assert!(told.iter().all(|name| name == "SESExporterAccountUnknown warning"), "before anything is wrong: {told:?}");
}

/// Makes every act's alert true; as soon as one has arrived it is taken back, and waited for to be over.
fn drive(hand: &Hand<'_>, receiver: &Receiver, patience: Duration) {
    let mut faults: BTreeMap<&str, Option<Value>> = BTreeMap::new();
    let mut progress: BTreeMap<&str, Progress> = BTreeMap::new();
    for act in hand.acts {
        hand.play(act, true, faults.entry(act.alert).or_default());
        progress.insert(act.alert, Progress::Made(Instant::now()));
    }
    let end = Instant::now() + patience;
    while !progress.values().all(|progress| matches!(progress, Progress::Over(..))) {
        let heard = receiver.heard();
        for act in hand.acts {
            let now = progress.get_mut(act.alert).unwrap();
            let told = |firing: bool, since: Instant| {
                heard.iter().find(|notice| {
                    notice.firing == firing
                        && notice.at > since
                        && notice.name() == act.alert
                        && notice.label("account") == account_of(act.alert)
                })
            };
            match *now {
                Progress::Made(at) => {
                    if let Some(notice) = told(true, at) {
                        *now = Progress::Fired(Instant::now(), notice.at - at);
                        hand.play(act, false, faults.get_mut(act.alert).unwrap());
                    }
                }
                Progress::Fired(at, took) => {
                    if let Some(notice) = told(false, at) {
                        *now = Progress::Over(took, notice.at - at);
                    }
                }
                Progress::Over(..) => {}
            }
        }
        assert!(Instant::now() < end, "not within {patience:?}: {:#?}", unfinished(&progress));
        thread::sleep(Duration::from_millis(250)); // the pause between two looks, not the condition
    }
    for (alert, progress) in &progress {
        if let Progress::Over(fired, over) = progress {
            println!("measured: {alert}: arrived after {} s, over after {} s", fired.as_secs(), over.as_secs());
        }
    }
}

fn unfinished<'a>(progress: &BTreeMap<&'a str, Progress>) -> Vec<(&'a str, Progress)> {
    let open = progress.iter().filter(|(_, progress)| !matches!(progress, Progress::Over(..)));
    open.map(|(alert, progress)| (*alert, *progress)).collect()
}

/// Waits for longer than tests do that have the machine for themselves.
#[track_caller]
fn patiently(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(250)); // the pause between two looks, not the condition
    }
}

/// Waits for a notification about an agent.
fn wait_for(receiver: &Receiver, alert: &str, instance: SocketAddr, firing: bool, since: Instant) {
    let told = |notice: &Notice| {
        notice.firing == firing
            && notice.at > since
            && notice.name() == alert
            && notice.label("instance") == instance.to_string()
    };
    patiently(&format!("{alert} of {instance}, firing: {firing}"), || receiver.heard().iter().any(told));
}

/// One agent misses a poll, is killed and comes back; one loses sight of everything, and is given a mistaken configuration; one
/// does not know who it is.
fn agents_in_trouble(
    hand: &Hand<'_>,
    receiver: &Receiver,
    mortal: Agent,
    here: SocketAddr,
    blind: &Agent,
    unknown: &Value,
    nameless: SocketAddr,
) {
    let [down, no_series, account_unknown, refused, ..] = OF_AGENTS;
    let began = Instant::now();
    let dark = json!({ "kind": "server_error", "status": 503, "operation": "GetAccount", "account": hand.id(BLIND) });
    let mut fault = None;
    hand.fault("faults", &dark, true, &mut fault);
    let (good, mistaken) = (std::fs::read_to_string(&blind.config).unwrap(), Instant::now());
    blind.write_config("[polls]\n");
    blind.signal("HUP");
    a_poll_is_missed(hand, &mortal);
    // A start of any agent silences this one for a while, and so does a reload.
    let vanished = "SESIdentityVanished critical";
    patiently(vanished, || receiver.heard().iter().any(|notice| notice.name() == vanished));
    let killed = Instant::now();
    drop(mortal);
    wait_for(receiver, down, here, true, killed);
    let _mortal = stage::mortal(hand.aws, hand.acts, here);
    wait_for(receiver, down, here, false, killed);

    wait_for(receiver, refused, blind.address, true, mistaken);
    let mended = Instant::now();
    blind.write_config(good);
    blind.signal("HUP");
    wait_for(receiver, refused, blind.address, false, mended);

    wait_for(receiver, no_series, blind.address, true, began);
    let seen_again = Instant::now();
    hand.fault("faults", &dark, false, &mut fault);
    wait_for(receiver, no_series, blind.address, false, seen_again);

    let any_time = began.checked_sub(PATIENCE).unwrap_or(began); // it does not know who it is since its start
    wait_for(receiver, account_unknown, nameless, true, any_time);
    hand.fault("faults", &Value::Null, false, &mut Some(unknown.clone()));
    wait_for(receiver, account_unknown, nameless, false, began);
}

/// The certificate of an agent has expired; the next one is written in two halves, with a long time between.
fn keys_in_trouble(receiver: &Receiver, tls: &stage::Tls, agent: SocketAddr) {
    let [.., expires, refused] = OF_AGENTS;
    let began = Instant::now();
    tls.key("expired");
    tls.certificate("expired");
    wait_for(receiver, expires, agent, true, began);
    let half = Instant::now();
    tls.certificate("good");
    wait_for(receiver, refused, agent, true, half);
    let whole = Instant::now();
    tls.key("good");
    wait_for(receiver, refused, agent, false, whole);
    wait_for(receiver, expires, agent, false, whole);
}

/// All three attempts of one poll fail, and the next poll succeeds.
fn a_poll_is_missed(hand: &Hand<'_>, agent: &Agent) {
    let account = hand.id("quiet-missed-poll");
    hand.order(
        "POST",
        "faults",
        &json!({ "kind": "server_error", "status": 503, "operation": "GetAccount", "account": account, "count": 3 }),
    );
    let labels = [("account", "quiet-missed-poll"), ("collector", "account")];
    patiently("a poll that failed, and one that succeeded after it", || {
        let page = agent.page();
        page.value("ses_exporter_collector_failures_total", &labels) == Some(1.0)
            && page.value("ses_exporter_collector_success", &labels) == Some(1.0)
    });
}

/// A batch uses 78 % of a quota within an hour, ends, and a day later its mail no longer counts.
fn a_batch_drains(hand: &Hand<'_>, agent: &Agent) {
    let account = hand.id("quiet-batch");
    let batch = |ended: i64| {
        let bucket = |back: i64| Bucket {
            start: quarter_hour(-back),
            delivery_attempts: 1950,
            bounces: 0,
            complaints: 0,
            rejects: 0,
        };
        Sending::Exactly((ended..ended + 4).map(bucket).collect())
    };
    let labels = [("account", "quiet-batch")];
    for (ended, sent) in [(2, 7800.0), (100, 0.0)] {
        hand.aws.world.change(|world| world.region_mut(&account, acts::REGION).unwrap().sending = batch(ended));
        patiently("the batch is read", || {
            agent.page().value("ses_send_quota_sent_24h_messages", &labels) == Some(sent)
        });
    }
}

/// Nothing was told but what was made true, and what is true with it.
fn only_what_was_meant(heard: &[Notice], acts: &[Act], targets: &[SocketAddr; 4]) {
    let [_, mortal, blind, nameless] = targets.map(|target| target.to_string());
    let in_trouble = [mortal, blind.clone(), nameless.clone(), blind, nameless.clone(), nameless];
    let of_agents: Vec<_> = OF_AGENTS.into_iter().zip(in_trouble).collect();
    let without_sight = [
        "SESExporterCollectorFailing warning",
        "SESExporterCollectorStale critical",
        "SESExporterCollectorStale warning",
    ];
    let meant = |notice: &Notice| {
        let (name, account) = (notice.name(), notice.label("account"));
        if account.is_empty() {
            return of_agents.iter().any(|(alert, instance)| *alert == name && notice.label("instance") == instance);
        }
        if account == BLIND {
            return without_sight.contains(&name.as_str());
        }
        let act = acts.iter().find(|act| account_of(act.alert) == account);
        act.is_some_and(|act| act.alert == name || act.beside.contains(&name.as_str()))
    };
    let strange: BTreeSet<_> = heard
        .iter()
        .filter(|notice| !meant(notice))
        .map(|notice| (notice.label("account"), notice.label("instance"), notice.name()))
        .collect();
    assert!(strange.is_empty(), "told and not meant: {strange:#?}");
    assert!(!heard.iter().any(|notice| QUIET.contains(&notice.label("account"))));
}

/// What arrives is whole sentences that say where, with a runbook: no template has failed.
fn texts_are_whole(heard: &[Notice]) {
    for notice in heard.iter().filter(|notice| notice.firing) {
        let text = |name: &str| notice.alert["annotations"][name].as_str().unwrap_or_default();
        let (summary, description) = (text("summary"), text("description"));
        for said in [summary, description] {
            assert!(said.ends_with('.') && !said.contains("<no value>") && !said.contains("<error"), "{notice:?}");
        }
        for label in ["account", "aws_region", "identity", "configuration_set", "path", "collector"] {
            assert!(description.contains(notice.label(label)), "{label} is not named: {description}");
        }
        assert!(text("runbook_url").ends_with(&format!("/{}.md", notice.label("alertname"))), "{notice:?}");
    }
}
