//! Another configuration for an agent that runs: what is mistaken changes nothing, and what stays the same goes on.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ses_exporter::simulator::{Fault, Identity, LoggedRequest, Trouble};

use crate::soak::{held, long};
use crate::support::stage::{
    MAIN, MAIN_ACCOUNT, OTHER, OTHER_ACCOUNT, SECRET, all_succeed, last_success, operations, production, quick,
    series_of_ses, success, to_ses, world,
};
use crate::support::{Agent, Answer, Aws, Page, command, eventually, repository, request, run};

const LIFECYCLE: &[&str] = &["--web.enable-lifecycle"];
const SUCCESSFUL: &str = "ses_exporter_config_last_reload_successful";
const LOADED_AT: &str = "ses_exporter_config_last_reload_success_timestamp_seconds";
const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "us-west-2"];

/// An agent of the account [`MAIN`] that has read these regions, each collector once in an hour, and its configuration.
fn start(aws: &Aws, regions: &[&str], arguments: &[&str]) -> (Agent, String) {
    let config = quick(aws, regions, "1h", "5h") + MAIN_ACCOUNT;
    let agent = Agent::start_with(&aws.environment(), &config, arguments);
    agent.page_where("all is read", |page| regions.iter().all(|region| all_succeed(page, "main", region)));
    (agent, config)
}

fn taken(agent: &Agent, config: &str) -> String {
    agent.write_config(config);
    let answer = agent.reload();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

fn refused(agent: &Agent) -> String {
    let answer = agent.reload();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    answer.text()
}

fn loaded(page: &Page) -> (Option<f64>, Option<f64>) {
    (page.value(SUCCESSFUL, &[]), page.value(LOADED_AT, &[]))
}

/// Requests to SES for one region of [`MAIN`].
fn asked(aws: &Aws, region: &str) -> Vec<LoggedRequest> {
    to_ses(&aws.world.requests(), MAIN, region)
}

/// Every bad file of the tests of the configuration, with what a start is told of it.
fn bad_files() -> Vec<(String, Vec<u8>, String)> {
    let folder = repository("tests/configs");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let told = fs::read_to_string(path.with_extension("expected")).unwrap();
            files.push((name, fs::read(&path).unwrap(), told));
        }
    }
    files.sort();
    files
}

#[test]
fn every_bad_file_is_told_as_at_a_start_and_changes_nothing() {
    let aws = Aws::start(world(&REGIONS[..1]));
    let (agent, config) = start(&aws, &REGIONS[..1], LIFECYCLE);
    fs::copy(repository("tests/configs/short.key"), agent.config.with_file_name("short.key")).unwrap();
    let before = agent.page();
    let (series, requests) = (series_of_ses(&before, "main", REGIONS[0]).join("\n"), aws.world.requests().len());
    let in_force = agent.get("/config").text();
    let (file, files) = (agent.config.display().to_string(), bad_files());
    let folder = agent.config.parent().unwrap().display().to_string();
    assert!(files.len() >= 20, "only {} files found", files.len());
    for (name, text, told) in &files {
        agent.write_config(text);
        let expected = told.replace(name.as_str(), &file).replace("tests/configs", &folder);
        let expected = expected.replace("nothing was started:", "the configuration before stays in force:");
        assert_eq!(refused(&agent), expected, "{name}");
        let page = agent.page();
        assert_eq!(loaded(&page), (Some(0.0), loaded(&before).1), "{name}");
        assert_eq!(series_of_ses(&page, "main", REGIONS[0]).join("\n"), series, "{name}");
    }
    let taken_not = |log: &str| log.lines().filter(|line| line.contains("the configuration is not taken")).count();
    assert_eq!(taken_not(&agent.log()), files.len(), "each is logged once, in one line");
    assert_eq!(agent.get("/config").text(), in_force);
    assert_eq!(aws.world.requests().len(), requests, "nobody asked AWS anything");
    assert_eq!(
        taken(&agent, &config),
        "The configuration is in force: 1 target unchanged, 0 changed, 0 new, 0 removed.\n"
    );
    let (successful, at) = loaded(&agent.page());
    assert!(successful == Some(1.0) && at > loaded(&before).1, "{successful:?} {at:?}");
    assert_eq!(aws.world.requests().len(), requests, "the same configuration again is no reason to ask");
}

#[test]
fn what_can_not_be_read_at_all_is_told_too() {
    let aws = Aws::start(world(&REGIONS[..1]));
    let (agent, _) = start(&aws, &REGIONS[..1], LIFECYCLE);
    let tell = |why: &str| {
        let expected = format!(
            "can't read the configuration {}: {why}; the configuration before stays in force\n",
            agent.config.display()
        );
        assert_eq!(refused(&agent), expected);
        assert_eq!(agent.page().value(SUCCESSFUL, &[]), Some(0.0));
    };
    fs::remove_file(&agent.config).unwrap();
    tell("there is no such file; create it or name another");
    agent.write_config(b"[aws]\nregions = [\"\xff\"]\n");
    tell("line 2 is not UTF-8; save the file as UTF-8");
    agent.write_config(" ".repeat(1024 * 1024 + 1));
    tell("it is longer than 1 MiB; name another file");
    fs::remove_file(&agent.config).unwrap();
    fs::create_dir(&agent.config).unwrap();
    tell("it is a directory; name a file inside");
    fs::remove_dir(&agent.config).unwrap();
    // Two entries that turn out to be one account, once the region of the environment is known.
    let role = OTHER_ACCOUNT.replace("name = \"other\"\n", "regions = [\"us-east-1\"]\n");
    let anywhere = quick(&aws, &REGIONS[..1], "1h", "5h").replace("regions = [\"eu-west-1\"]\n", "");
    agent.write_config(format!("{anywhere}[[accounts]]\nname = \"{OTHER}\"\n{role}"));
    let told = refused(&agent);
    assert!(told.starts_with(&format!("account {OTHER} is configured twice in us-east-1; remove one entry")), "{told}");
    assert!(told.ends_with("; the configuration before stays in force\n"), "{told}");
    assert!(agent.page().value("ses_production_access_enabled", &[("aws_region", "eu-west-1")]).is_some());
}

#[test]
fn polls_go_on_while_configurations_are_refused() {
    let aws = Aws::start(world(&REGIONS[..1]));
    let config = quick(&aws, &REGIONS[..1], "1s", "1h") + MAIN_ACCOUNT;
    let agent = Agent::start_with(&aws.environment(), &config, LIFECYCLE);
    agent.page_where("it is read", |page| all_succeed(page, "main", REGIONS[0]));
    let polls = || asked(&aws, REGIONS[0]).iter().filter(|one| one.operation == "GetAccount").count();
    let (began, before) = (Instant::now(), polls());
    while began.elapsed() < Duration::from_secs(6) {
        agent.write_config("[poll]\njiter = 1\n");
        assert!(refused(&agent).contains("poll.jiter: unknown key; did you mean jitter?"));
        agent.write_config(&config);
        assert_eq!(agent.reload().status, 200);
    }
    eventually("one poll a second", || (polls() >= before + 5).then_some(()));
    let times: Vec<_> =
        asked(&aws, REGIONS[0]).iter().filter(|one| one.operation == "GetAccount").map(|one| one.at).collect();
    let shortest = times.windows(2).map(|two| two[1] - two[0]).min().unwrap();
    assert!(shortest > Duration::from_millis(500), "a poll out of turn, {shortest:?} after the last");
}

#[test]
fn what_stays_is_not_asked_again_and_what_goes_is_gone_at_once() {
    let aws = Aws::start(world(&REGIONS));
    let (agent, config) = start(&aws, &REGIONS[..2], LIFECYCLE);
    let (stays, goes, comes) = (REGIONS[1], REGIONS[0], REGIONS[2]);
    let before = agent.page();
    let (read_at, requests) = (last_success(&before, "main", stays, "account"), asked(&aws, stays).len());
    let other = config.replace(&format!("{:?}", &REGIONS[..2]), &format!("{:?}", [comes, stays]));
    assert_eq!(
        taken(&agent, &other),
        "The configuration is in force: 1 target unchanged, 0 changed, 1 new, 1 removed.\n"
    );
    let page = agent.page();
    assert_eq!(
        page.find("ses_production_access_enabled", &[("aws_region", goes)]).count(),
        0,
        "gone at the next scrape"
    );
    assert!(!page.text.contains(&format!("aws_region=\"{goes}\"")), "{}", page.text);
    assert!(!agent.get("/").text().contains(goes) && !agent.get("/config").text().contains(goes));
    assert_eq!(series_of_ses(&page, "main", stays), series_of_ses(&before, "main", stays));
    let page = agent.page_where("the new one is read", |page| all_succeed(page, "main", comes));
    assert_eq!(last_success(&page, "main", stays, "account"), read_at, "its age goes on");
    assert_eq!(asked(&aws, stays).len(), requests, "{:?}", operations(&asked(&aws, stays)));
    let gone = asked(&aws, goes).len();
    let report: serde_json::Value = serde_json::from_str(&agent.get("/api/v1/check").text()).unwrap();
    let regions = report["accounts"][0]["regions"].as_array().unwrap();
    assert_eq!(regions.iter().map(|region| region["region"].as_str().unwrap()).collect::<Vec<_>>(), [stays, comes]);
    // Back again: it is a new one, and read anew.
    taken(&agent, &config);
    agent.page_where("it is read again", |page| all_succeed(page, "main", goes));
    assert!(asked(&aws, goes).len() > gone);
    assert_eq!(asked(&aws, stays).len(), requests);
}

#[test]
fn an_account_comes_and_goes_and_the_others_keep_their_credentials() {
    let aws = Aws::start(world(&REGIONS));
    let config = quick(&aws, &REGIONS[..1], "1h", "5h");
    let agent = Agent::start_with(&aws.environment(), &(config.clone() + OTHER_ACCOUNT), LIFECYCLE);
    agent.page_where("it is read", |page| all_succeed(page, "other", REGIONS[0]));
    let assumed = || aws.world.requests().iter().filter(|one| one.operation == "AssumeRole").count();
    let (once, requests) = (assumed(), to_ses(&aws.world.requests(), OTHER, REGIONS[0]).len());
    let both = format!("{config}{MAIN_ACCOUNT}{OTHER_ACCOUNT}");
    taken(&agent, &both);
    agent.page_where("the other one is read", |page| all_succeed(page, "main", REGIONS[0]));
    let more = both.replace(&format!("{:?}", &REGIONS[..1]), &format!("{REGIONS:?}"));
    taken(&agent, &more);
    agent.page_where("more of it is read", |page| all_succeed(page, "other", REGIONS[2]));
    assert_eq!(assumed(), once, "one role for all regions, whenever they come");
    assert_eq!(to_ses(&aws.world.requests(), OTHER, REGIONS[0]).len(), requests);
    let calls = agent.page().value(
        "ses_exporter_aws_requests_total",
        &[("account", "other"), ("aws_region", REGIONS[0]), ("operation", "AssumeRole")],
    );
    assert_eq!(calls, Some(1.0), "what was counted stays counted");
    taken(&agent, &(config + MAIN_ACCOUNT));
    let page = agent.page();
    assert_eq!(page.find("ses_exporter_collector_success", &[("account", "other")]).count(), 0);
    assert!(all_succeed(&page, "main", REGIONS[0]));
}

#[test]
fn entries_of_one_role_keep_each_its_own() {
    let aws = Aws::start(world(&REGIONS));
    let entry = |region: &str| format!("[[accounts]]\nname = \"{region}\"\nregions = [\"{region}\"]\n");
    let config = quick(&aws, &REGIONS, "1h", "5h") + &REGIONS.map(entry).concat();
    let agent = Agent::start_with(&aws.environment(), &config, LIFECYCLE);
    agent.page_where("all is read", |page| REGIONS.iter().all(|region| all_succeed(page, region, region)));
    for _ in 0..3 {
        let told = taken(&agent, &config);
        assert!(told.contains("3 targets unchanged"), "{told}");
    }
}

#[test]
fn an_environment_that_has_lost_its_region_changes_no_estate() {
    const HOME: &str = "us-gov-west-1";
    let aws = Aws::start(world(&[HOME]));
    let profiles = tempfile::NamedTempFile::new().unwrap();
    fs::write(&profiles, format!("[default]\nregion = {HOME}\n")).unwrap();
    let mut environment = aws.environment();
    environment.retain(|(name, _)| !name.ends_with("_REGION"));
    environment.push(("AWS_CONFIG_FILE", profiles.path().display().to_string()));
    let config = quick(&aws, &[HOME], "1h", "5h").replace(&format!("{:?}", [HOME]), "\"all\"") + MAIN_ACCOUNT;
    let agent = Agent::start_with(&environment, &config, LIFECYCLE);
    agent.page_where("its home is read", |page| all_succeed(page, "main", HOME));
    fs::write(&profiles, "").unwrap();
    let told = taken(&agent, &config);
    assert!(told.contains("2 targets unchanged, 0 changed, 0 new, 0 removed"), "{told}");
}

#[test]
fn a_nameless_account_keeps_its_name() {
    let aws = Aws::start(world(&REGIONS));
    let config = quick(&aws, &REGIONS[..1], "1h", "5h");
    let agent = Agent::start_with(&aws.environment(), &config, LIFECYCLE);
    agent.page_where("it is read", |page| all_succeed(page, MAIN, REGIONS[0]));
    let identified = || aws.world.requests().iter().filter(|one| one.operation == "GetCallerIdentity").count();
    let once = identified();
    taken(&agent, &config.replace(&format!("{:?}", &REGIONS[..1]), &format!("{REGIONS:?}")));
    agent.page_where("the new ones are read", |page| REGIONS.iter().all(|region| all_succeed(page, MAIN, region)));
    assert_eq!(identified(), once, "who it is was known");
}

#[test]
fn only_the_collector_that_changes_is_started_anew() {
    let aws = Aws::start(world(&REGIONS[..1]));
    let region = REGIONS[0];
    let (agent, config) = start(&aws, &[region], LIFECYCLE);
    let before = agent.page();
    let (was, series) = (operations(&asked(&aws, region)), series_of_ses(&before, "main", region).join("\n"));
    let told = taken(&agent, &config.replace("sending.interval = \"1h\"", "sending.interval = \"1s\""));
    assert_eq!(told, "The configuration is in force: 0 targets unchanged, 1 changed, 0 new, 0 removed.\n");
    assert_eq!(
        series_of_ses(&agent.page(), "main", region).join("\n"),
        series,
        "what was read is shown until it is read anew"
    );
    let statistics = || operations(&asked(&aws, region))["GetSendStatistics"];
    eventually("it reads at its new interval", || (statistics() >= was["GetSendStatistics"] + 3).then_some(()));
    let mut now = operations(&asked(&aws, region));
    now.insert("GetSendStatistics".to_owned(), was["GetSendStatistics"]);
    assert_eq!(now, was, "the others have not read");
    let interval = agent.page().value("ses_exporter_collector_interval_seconds", &[("collector", "sending")]);
    assert_eq!(interval, Some(1.0));
    // Switched off, its series go; the others stay as they are.
    taken(&agent, &config.replace("sending.interval = \"1h\"", "sending.enabled = false"));
    let page = agent.page();
    assert_eq!(success(&page, "main", region, "sending"), None);
    assert_eq!(page.value("ses_exporter_collector_interval_seconds", &[("collector", "sending")]), None);
    assert_eq!(last_success(&page, "main", region, "account"), last_success(&before, "main", region, "account"));
    let status = agent.get("/").text();
    assert!(status.contains(">account</th>") && !status.contains(">sending</th>"), "{status}");
}

#[test]
fn time_limits_and_budgets_restart_every_task_and_lose_no_reading() {
    let aws = Aws::start(world(&REGIONS[..1]));
    let (agent, config) = start(&aws, &REGIONS[..1], LIFECYCLE);
    let before = agent.page();
    for (old, new) in [
        ("attempt_timeout = \"10s\"", "attempt_timeout = \"20s\""),
        ("connect_timeout = \"10s\"", "connect_timeout = \"5s\""),
        ("read_timeout = \"30s\"", "read_timeout = \"40s\""),
        ("requests_per_second = 200", "requests_per_second = 100"),
        ("jitter = 0.0", "jitter = 0.5"),
    ] {
        assert!(config.contains(old));
        let polls = asked(&aws, REGIONS[0]).len();
        assert!(taken(&agent, &config.replace(old, new)).contains("0 targets unchanged, 1 changed"), "{new}");
        let page = agent.page();
        assert_eq!(series_of_ses(&page, "main", REGIONS[0]), series_of_ses(&before, "main", REGIONS[0]), "{new}");
        eventually("it reads anew", || (asked(&aws, REGIONS[0]).len() > polls).then_some(()));
    }
    // How old a reading may be is asked of the picture, and no task has to know it.
    taken(&agent, &config);
    assert!(
        taken(&agent, &config.replace("stale_after = \"5h\"", "stale_after = \"6h\"")).contains("1 target unchanged")
    );
    let stale_after = agent.page().value("ses_exporter_collector_stale_after_seconds", &[("collector", "account")]);
    assert_eq!(stale_after, Some(6.0 * 3600.0));
}

#[test]
fn what_follows_from_the_configuration_follows_the_new_one() {
    let aws = Aws::start(world(&REGIONS[..1]));
    let region = REGIONS[0];
    aws.world.put_identity(MAIN, region, Identity::email_address("ann@shop.example")).unwrap();
    let (agent, config) = start(&aws, &[region], LIFECYCLE);
    let labels = [("aws_region", region), ("identity", "ann@shop.example")];
    assert!(agent.page().value("ses_identity_verified", &labels).is_some());
    let polls = |operation: &str| operations(&asked(&aws, region)).get(operation).copied().unwrap_or_default();
    let accounts = polls("GetAccount");
    let hidden = config.clone() + "[identities]\nemail_addresses = \"none\"\n";
    taken(&agent, &hidden);
    assert!(!agent.page().text.contains("ann@"), "no page shows an address after it was asked to hide them");
    let domain = [("aws_region", region), ("identity", "shop.example")];
    agent.page_where("the domain is back", |page| {
        page.value("ses_identity_verified", &domain).is_some() && all_succeed(page, "main", region)
    });
    assert!(!agent.page().text.contains("ann@"));
    assert_eq!(polls("GetAccount"), accounts, "what has no labels of identities goes on");

    let calls = asked(&aws, region).len();
    let expecting = hidden + &format!("[[expect]]\nregions = [\"{region}\"]\nstate = \"sandbox\"\n");
    taken(&agent, &expecting);
    let as_expected = [("aws_region", region)];
    agent.page_where("it is judged", |page| page.value("ses_region_as_expected", &as_expected).is_some());
    assert!(agent.get("/").text().contains("not as declared"), "{}", agent.get("/").text());
    let report = eventually("the report", || Some(agent.get("/api/v1/check")).filter(|answer| answer.status == 200));
    assert!(report.text().contains("\"not_as_declared\""), "{}", report.text());
    assert_eq!(asked(&aws, region).len(), calls, "what is expected is no reason to ask");
    taken(&agent, &config);
    agent.page_where("the address is back", |page| page.value("ses_identity_verified", &labels).is_some());
    assert_eq!(agent.page().find("ses_region_as_expected", &[]).count(), 0);
}

/// Left alone for an hour since it is switched off, and asked again as soon as somebody expects it to answer.
#[test]
fn a_skipped_region_that_is_expected_now_is_asked_at_its_next_turn() {
    let mut world = world(&REGIONS[..1]);
    *world.region_mut(MAIN, "me-south-1").unwrap() = production("me-south-1").disabled();
    let aws = Aws::start(world);
    let config = quick(&aws, &[REGIONS[0], "me-south-1"], "1s", "1h") + MAIN_ACCOUNT;
    let agent = Agent::start_with(&aws.environment(), &config, LIFECYCLE);
    let skipped = |page: &Page| page.find("ses_exporter_target_skipped", &[("aws_region", "me-south-1")]).count();
    agent.page_where("it is skipped", |page| skipped(page) == 1);
    let declared = config.clone() + "[[expect]]\nregions = [\"me-south-1\"]\nstate = \"production\"\n";
    assert!(taken(&agent, &declared).contains("2 targets unchanged, 0 changed"));
    let failing = |page: &Page| success(page, "main", "me-south-1", "account") == Some(0.0);
    agent.page_where("it is a failure", |page| skipped(page) == 0 && failing(page));
    taken(&agent, &config);
    agent.page_where("it is left alone again", |page| skipped(page) == 1);
}

#[test]
fn another_aws_is_another_world() {
    let (first, second) = (Aws::start(world(&REGIONS[..1])), Aws::start(world(&REGIONS[..1])));
    let (agent, config) = start(&first, &REGIONS[..1], LIFECYCLE);
    let moved = config.replace(&first.simulator.url(), &second.simulator.url());
    let told = taken(&agent, &moved);
    assert_eq!(told, "The configuration is in force: 0 targets unchanged, 0 changed, 1 new, 1 removed.\n");
    agent.page_where("the other one is read", |page| all_succeed(page, "main", REGIONS[0]));
    assert!(!asked(&second, REGIONS[0]).is_empty());
}

#[test]
fn a_hangup_reloads_and_a_request_does_only_where_that_is_switched_on() {
    let aws = Aws::start(world(&REGIONS));
    let (agent, config) = start(&aws, &REGIONS[..1], &[]);
    agent.write_config(config.replace(&format!("{:?}", &REGIONS[..1]), &format!("{:?}", &REGIONS[..2])));
    let answer = agent.reload();
    let expected = "Reloading on request is off; start with --web.enable-lifecycle or send SIGHUP.\n";
    assert_eq!((answer.status, answer.text().as_str()), (403, expected));
    assert_eq!(agent.page().find("ses_exporter_collector_success", &[("aws_region", REGIONS[1])]).count(), 0);
    agent.signal("HUP");
    agent.page_where("the new one is read", |page| all_succeed(page, "main", REGIONS[1]));
    agent.write_config("[poll]\njiter = 1\n");
    agent.signal("HUP");
    agent.page_where("it is refused", |page| page.value(SUCCESSFUL, &[]) == Some(0.0));
    assert!(agent.log().contains("the one before stays in force"), "{}", agent.log());
}

#[test]
fn it_is_posted_or_put_and_never_got() {
    let aws = Aws::start(world(&REGIONS[..1]));
    let (agent, _) = start(&aws, &REGIONS[..1], LIFECYCLE);
    let ask = |method: &str| request(agent.address, method, "/-/reload", &[]);
    assert_eq!((ask("POST").status, ask("PUT").status), (200, 200));
    for method in ["GET", "HEAD", "DELETE"] {
        let answer = ask(method);
        assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, "POST, PUT"), "{method}");
    }
}

#[test]
fn many_who_ask_at_once_are_served_one_after_the_other() {
    let aws = Aws::start(world(&REGIONS[..1]));
    let (agent, config) = start(&aws, &REGIONS[..1], LIFECYCLE);
    let (requests, agent) = (aws.world.requests().len(), &agent);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let asking: Vec<_> = (0..12).map(|_| scope.spawn(|| agent.reload())).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{:?}",
        answers.iter().map(Answer::text).collect::<Vec<_>>()
    );
    let done = agent.log().lines().filter(|line| line.contains("loaded and in force")).count();
    assert_eq!((done, aws.world.requests().len()), (12, requests));
    assert!(taken(agent, &config).contains("1 target unchanged"));
}

#[test]
fn a_poll_that_hangs_holds_up_nothing() {
    let aws = Aws::start(world(&REGIONS));
    let (stuck, other) = (REGIONS[0], REGIONS[1]);
    aws.world.inject(Fault::new(Trouble::Hang).region(stuck));
    let config = quick(&aws, &[stuck], "1h", "5h") + MAIN_ACCOUNT;
    let config = config.replace("attempt_timeout = \"10s\"", "attempt_timeout = \"1m\"").replace("\"30s\"", "\"5m\"");
    let agent = Agent::start_with(&aws.environment(), &config, LIFECYCLE);
    eventually("a poll hangs", || (aws.world.in_flight() > 0).then_some(()));
    let hanging = asked(&aws, stuck).len();
    let began = Instant::now();
    taken(&agent, &config.replace(&format!("{:?}", [stuck]), &format!("{:?}", [stuck, other])));
    assert!(began.elapsed() < Duration::from_secs(10), "it waited for the poll: {:?}", began.elapsed());
    agent.page_where("the other one is read", |page| all_succeed(page, "main", other));
    assert_eq!(asked(&aws, stuck).len(), hanging, "the poll goes on as it was");
    taken(&agent, &config.replace(&format!("{:?}", [stuck]), &format!("{:?}", [other])));
    eventually("who is polled no more is let go of", || (aws.world.in_flight() == 0).then_some(()));
}

#[test]
fn a_reload_during_the_end_is_harmless() {
    let aws = Aws::start(world(&REGIONS));
    let (mut agent, config) = start(&aws, &REGIONS[..1], LIFECYCLE);
    let more = config.replace(&format!("{:?}", &REGIONS[..1]), &format!("{REGIONS:?}"));
    for _ in 0..5 {
        agent.write_config(&more);
        agent.signal("HUP");
    }
    agent.signal("TERM");
    for _ in 0..5 {
        let process = agent.child.id().to_string();
        let _ = crate::support::signal("HUP", &process); // it may have ended already
    }
    assert_eq!(agent.wait_end().code(), Some(0), "{}", agent.log());
    assert!(!agent.log().contains("panic"), "{}", agent.log());
}

#[test]
fn a_file_that_is_watched_is_taken_up_by_itself() {
    let aws = Aws::start(world(&REGIONS));
    let (agent, config) = start(&aws, &REGIONS[..1], &["--config.watch"]);
    let more = config.replace(&format!("{:?}", &REGIONS[..1]), &format!("{:?}", &REGIONS[..2]));
    let requests = asked(&aws, REGIONS[0]).len();
    agent.write_config(&more);
    agent.page_where("a renamed file is seen", |page| all_succeed(page, "main", REGIONS[1]));
    // Written in place, and mistaken.
    fs::write(&agent.config, more.replace("jitter", "jiter")).unwrap();
    agent.page_where("a mistake is told", |page| page.value(SUCCESSFUL, &[]) == Some(0.0));
    assert!(agent.log().contains("poll.jiter: unknown key; did you mean jitter?"));
    fs::write(&agent.config, &more).unwrap();
    agent.page_where("what was in force before is well again", |page| page.value(SUCCESSFUL, &[]) == Some(1.0));
    let refusals = agent.log().lines().filter(|line| line.contains("the configuration is not taken")).count();
    assert_eq!((refusals, asked(&aws, REGIONS[0]).len()), (1, requests));
}

/// Kubernetes mounts a `ConfigMap` as links: the file to `..data/FILE`, `..data` to a folder that is swapped as one.
#[test]
fn a_swapped_link_is_seen() {
    let aws = Aws::start(world(&REGIONS));
    let folder = tempfile::tempdir().unwrap();
    let config = quick(&aws, &REGIONS[..1], "1h", "5h") + MAIN_ACCOUNT;
    let put = |version: &str, text: &str| {
        fs::create_dir(folder.path().join(version)).unwrap();
        fs::write(folder.path().join(version).join("agent.toml"), text).unwrap();
        std::os::unix::fs::symlink(version, folder.path().join("..data_tmp")).unwrap();
        fs::rename(folder.path().join("..data_tmp"), folder.path().join("..data")).unwrap();
    };
    put("..1", &config);
    let file = folder.path().join("agent.toml");
    std::os::unix::fs::symlink(Path::new("..data/agent.toml"), &file).unwrap();
    let agent = Agent::with_file(&aws.environment(), &file, &["--config.watch"]);
    agent.page_where("it is read", |page| all_succeed(page, "main", REGIONS[0]));
    put("..2", &config.replace(&format!("{:?}", &REGIONS[..1]), &format!("{:?}", &REGIONS[1..2])));
    let page = agent.page_where("the new one is read", |page| all_succeed(page, "main", REGIONS[1]));
    assert_eq!(page.find("ses_exporter_collector_success", &[("aws_region", REGIONS[0])]).count(), 0);
}

#[test]
fn there_must_be_a_file_to_watch() {
    let said = run(&mut command(&["--config.watch", "--aws.regions", "eu-west-1"]));
    let expected = "ses-exporter: --config.watch needs --config.file: there is no file to watch\n";
    assert_eq!((said.code, said.err.as_str()), (1, expected));
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let aws = Aws::start(world(&REGIONS));
    let (agent, config) = start(&aws, &REGIONS[..1], LIFECYCLE);
    let first = agent.get("/config");
    assert_eq!((first.status, first.headers["content-type"].as_str()), (200, "text/plain; charset=utf-8"));
    assert_eq!(first.headers["cache-control"], "no-store");
    let head = first.text().lines().next().unwrap().to_owned();
    assert!(head.starts_with("# In force since 20") && head.contains(&format!("from {:?}", agent.config)), "{head}");
    assert!(agent.get("/").text().contains("href=\"./config\""));
    fs::write(agent.config.with_file_name("hash.key"), "canary-key-of-the-hashes").unwrap();
    let secret = config.clone()
        + &OTHER_ACCOUNT.replace("[[accounts]]\n", "[[accounts]]\nexternal_id = \"canary-external-id\"\n")
        + "[identities]\nemail_addresses = \"hashed\"\nhash_key_file = \"hash.key\"\n[[send_paths]]\nname = \"orders\"\n\
           from = \"ann@shop.example\"\nto = \"any\"\naccounts = [\"main\"]\nregions = [\"eu-west-1\"]\n";
    taken(&agent, &secret);
    let shown = agent.get("/config").text();
    let effective = run(command(&["print", "config", "--effective", "--config.file"]).arg(&agent.config)).out;
    let effective = effective.trim_start_matches('\n').replace("ann@", "…@");
    assert_eq!(shown.split_once("\n\n").unwrap().1, effective, "what the command prints, without addresses");
    assert_eq!(shown.matches("\"(set)\"").count(), 2, "{shown}");
    for text in [&shown, &agent.get("/").text(), &agent.page().text, &agent.log()] {
        assert!(!text.contains("canary") && !text.contains(SECRET), "{text}");
    }
    // Another secret is another configuration, although it looks the same.
    fs::write(agent.config.with_file_name("hash.key"), "canary-another-key-of-hashes").unwrap();
    assert!(taken(&agent, &secret).contains("0 targets unchanged, 2 changed"));
}

#[test]
fn many_reloads_hold_on_to_nothing() {
    let aws = Aws::start(world(&REGIONS));
    let (agent, config) = start(&aws, &REGIONS[..2], LIFECYCLE);
    let requests = asked(&aws, REGIONS[1]).len();
    let moved = config.replace(&format!("{:?}", &REGIONS[..2]), &format!("{:?}", &REGIONS[1..]));
    let slower = config.replace("account.interval = \"1h\"", "account.interval = \"90m\"") + OTHER_ACCOUNT;
    let bad = config.clone() + "[polls]\n";
    let round = |times: usize| {
        for turn in 0..times {
            let (text, status) = [(&moved, 200), (&bad, 400), (&slower, 200), (&config, 200)][turn % 4];
            agent.write_config(text);
            let answer = agent.reload();
            assert_eq!(answer.status, status, "{}", answer.text());
        }
        agent.page_where("it is read", |page| REGIONS[..2].iter().all(|region| all_succeed(page, "main", region)));
    };
    let (warm_up, times) = if long() { (400, 1000) } else { (40, 52) };
    round(warm_up);
    let began = Instant::now();
    let before = held(&agent, began);
    round(times);
    let after = held(&agent, began);
    println!("measured: {times} reloads in {} ms: {before:?} {after:?}", began.elapsed().as_millis());
    assert!(after.threads <= before.threads + 4, "{before:?} {after:?}");
    assert!(after.descriptors <= before.descriptors + 10, "{before:?} {after:?}");
    if long() {
        assert!(after.mebibytes - before.mebibytes < 1.0, "{before:?} {after:?}");
    }
    assert_eq!(
        asked(&aws, REGIONS[1]).iter().filter(|one| one.operation == "GetSendStatistics").count(),
        1,
        "of {requests}"
    );
}
