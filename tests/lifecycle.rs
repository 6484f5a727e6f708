//! From start to end: ready, told to stop, killed, watched by systemd, and the commands that end by themselves.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ses_exporter::collectors;
use ses_exporter::simulator::{Fault, Trouble};

use crate::soak::long;
use crate::support::stage::{
    KEY, MAIN, MAIN_ACCOUNT, Running, all_succeed, hasty, last_success, production, quick, success, took, world,
};
use crate::support::{Agent, Aws, Page, command, eventually, get, repository, request, run, signal};

const REGION: &str = "us-east-1";

/// An agent whose page of some megabytes does not fit into the buffers between it and a client.
fn agent_with_a_long_page() -> (Aws, Agent) {
    let mut world = world(&[]);
    *world.region_mut(MAIN, REGION).unwrap() = production(REGION).identities(9_000);
    let aws = Aws::start(world);
    let config = quick(&aws, &[REGION], "1s", "1h") + MAIN_ACCOUNT + "[identities]\nmax_per_region = 10000\n";
    let agent = Agent::start(&aws, &config);
    agent.page_where("it is read", |page| success(page, "main", REGION, "identities") == Some(1.0));
    (aws, agent)
}

/// A scrape of which only the first bytes were taken.
fn scrape(agent: &Agent) -> (TcpStream, Vec<u8>) {
    let mut socket = TcpStream::connect(agent.address).unwrap();
    socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut begun = vec![0; 1_000];
    socket.read_exact(&mut begun).unwrap();
    (socket, begun)
}

#[test]
fn a_scrape_in_flight_is_finished_although_aws_hangs() {
    let (aws, mut agent) = agent_with_a_long_page();
    aws.world.inject(Fault::new(Trouble::Hang));
    eventually("a call hangs", || aws.world.requests().iter().any(|entry| entry.status.is_none()).then_some(()));
    let (mut socket, mut page) = scrape(&agent);
    // The head of one more request, but for its last line.
    let mut late = TcpStream::connect(agent.address).unwrap();
    late.write_all(b"GET /-/ready HTTP/1.1\r\nHost: x\r\n").unwrap();
    let told = Instant::now();
    agent.signal("TERM");
    eventually("it stops", || agent.log().contains("SIGTERM: stopping").then_some(()));
    let mut answer = String::new();
    // It may be closed already; what it must not say is yes.
    let _ = late.write_all(b"\r\n").and_then(|()| late.read_to_string(&mut answer));
    assert!(!answer.contains("200 OK"), "not ready any more: {answer}");
    socket.read_to_end(&mut page).unwrap();
    let ended = agent.wait_end();
    let took = took("SIGTERM with a scrape in flight and AWS hanging", told);
    assert_eq!(ended.code(), Some(0), "{}", agent.log());
    assert!(took <= Duration::from_secs(2), "{took:?}");
    let page = String::from_utf8(page).unwrap();
    let (head, body) = page.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    assert_eq!(length, Some(body.len()), "whole");
    assert!(body.len() > 2_000_000, "long enough to be in flight: {}", body.len());
    Page::parse(body);
}

#[test]
fn a_client_that_takes_nothing_cannot_keep_the_agent_alive() {
    let (_aws, mut agent) = agent_with_a_long_page();
    let (_socket, _) = scrape(&agent);
    let told = Instant::now();
    agent.signal("INT");
    let ended = agent.wait_end();
    let took = took("SIGINT with a client that takes nothing", told);
    assert_eq!(ended.code(), Some(0));
    assert!(took <= Duration::from_secs(2), "{took:?}");
    assert!(agent.log().contains("SIGINT: stopping"));
}

#[test]
fn a_second_signal_ends_at_once() {
    let (_aws, mut agent) = agent_with_a_long_page();
    let (_socket, _) = scrape(&agent);
    let told = Instant::now();
    agent.signal("TERM");
    eventually("it stops", || agent.log().contains("SIGTERM: stopping").then_some(()));
    agent.signal("INT");
    let ended = agent.wait_end();
    took("two signals", told);
    assert_eq!(ended.code(), Some(0));
    assert!(agent.log().contains("SIGINT again: ending at once"), "{}", agent.log());
}

#[test]
fn a_signal_ends_an_agent_that_is_not_ready_yet() {
    let aws = Aws::start(world(&[REGION]));
    for operation in ["GetAccount", "GetCallerIdentity"] {
        aws.world.inject(Fault::new(Trouble::Hang).operation(operation));
    }
    let mut agent = Agent::start_with(&aws.environment(), "", &[]);
    assert_eq!(agent.get("/-/ready").status, 503);
    assert_eq!(agent.get("/-/healthy").status, 200);
    let told = Instant::now();
    agent.signal("TERM");
    assert_eq!(agent.wait_end().code(), Some(0));
    assert!(took("SIGTERM before ready", told) <= Duration::from_secs(2));
}

#[test]
fn a_signal_ends_an_agent_that_still_looks_for_its_region() {
    // A metadata service that takes the connection and says nothing, as behind some firewalls.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let environment = [
        ("AWS_EC2_METADATA_DISABLED", "false".to_owned()),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{}", silent.local_addr().unwrap())),
    ];
    let mut agent = Agent::start_with(&environment, "", &[]);
    let (_held, _) = silent.accept().unwrap();
    let told = Instant::now();
    agent.signal("TERM");
    assert_eq!(agent.wait_end().code(), Some(0), "{}", agent.log());
    assert!(took("SIGTERM while it looks for its region", told) <= Duration::from_secs(2));
}

#[test]
fn after_a_kill_it_is_ready_again_in_three_seconds() {
    let regions = ["us-east-1", "eu-west-1", "eu-central-1"];
    let aws = Aws::start(world(&regions).with_latency(Duration::from_millis(50)));
    let config = quick(&aws, &regions, "1s", "1h") + MAIN_ACCOUNT;
    let mut agent = Agent::start(&aws, &config);
    agent.wait_ready();
    let address = agent.address;
    agent.signal("KILL");
    agent.wait_end();
    let again = Instant::now();
    let place = address.to_string();
    let environment: Vec<_> = aws.environment().into_iter().collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &config).unwrap();
    let mut restarted = command(&["--web.listen-address", &place, "--config.file"]);
    let _running = Running(restarted.arg(file.path()).envs(environment).stderr(Stdio::null()).spawn().unwrap());
    eventually("it is ready on the same port", || {
        let mut socket = TcpStream::connect(address).ok()?;
        socket.write_all(b"GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        answer.starts_with("HTTP/1.1 200").then_some(())
    });
    let took = took("ready after kill -9", again);
    assert!(took <= Duration::from_secs(3), "{took:?}");
}

#[test]
fn systemd_hears_ready_watchdog_and_stopping() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let hear = || {
        let mut message = [0; 512];
        let length = socket.recv(&mut message).expect("systemd hears something");
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let aws = Aws::start(world(&[REGION]));
    let hang = aws.world.inject(Fault::new(Trouble::Hang).operation("GetAccount"));
    let mut environment = aws.environment();
    environment.push(("NOTIFY_SOCKET", path.display().to_string()));
    environment.push(("WATCHDOG_USEC", "400000".to_owned()));
    let mut agent = Agent::start_with(&environment, &(hasty(&aws, &[REGION], "1s", "1h") + MAIN_ACCOUNT), &[]);
    eventually("it asks", || (!aws.world.requests().is_empty()).then_some(()));
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 512]).is_err(), "not ready before the first answer");
    socket.set_nonblocking(false).unwrap();
    aws.world.remove_fault(hang);
    assert_eq!(hear().trim_end(), "READY=1");
    let began = Instant::now();
    for _ in 0..3 {
        assert_eq!(hear().trim_end(), "WATCHDOG=1");
    }
    assert!(began.elapsed() >= Duration::from_millis(300), "twice in each period, not all the time");
    agent.signal("TERM");
    let last = eventually("the end is told", || Some(hear()).filter(|said| !said.starts_with("WATCHDOG")));
    assert_eq!(last.trim_end(), "STOPPING=1");
    assert_eq!(agent.wait_end().code(), Some(0));
}

/// A process that stood still (a laptop that slept, a machine that was moved) makes up for it by one reading.
#[test]
fn after_a_standstill_each_collector_reads_once_and_goes_on_at_its_pace() {
    let pause = if long() { Duration::from_mins(1) } else { Duration::from_secs(6) };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    let aws = Aws::start(world(&[REGION]));
    let mut environment = aws.environment();
    environment.push(("NOTIFY_SOCKET", path.display().to_string()));
    environment.push(("WATCHDOG_USEC", "1000000".to_owned()));
    let config = quick(&aws, &[REGION], "1s", "1h") + MAIN_ACCOUNT;
    let agent = Agent::start_with(&environment, &config, &[]);
    let before = agent.page_where("it is read", |page| all_succeed(page, "main", REGION));
    let before = last_success(&before, "main", REGION, "account").unwrap();
    agent.signal("STOP");
    eventually("it stands still", || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", agent.child.id())).unwrap();
        state.rsplit_once(") ")?.1.starts_with('T').then_some(())
    });
    systemd.set_nonblocking(true).unwrap();
    while systemd.recv(&mut [0; 64]).is_ok() {}
    systemd.set_nonblocking(false).unwrap();
    systemd.set_read_timeout(Some(pause)).unwrap();
    assert!(systemd.recv(&mut [0; 64]).is_err(), "systemd hears nothing of a process that stands still");

    aws.world.clear_requests();
    agent.signal("CONT");
    let asked = || -> Vec<tokio::time::Instant> {
        let log = aws.world.requests();
        log.iter().filter(|entry| entry.operation == "GetAccount").map(|entry| entry.at).collect()
    };
    let times = eventually("it goes on", || Some(asked()).filter(|times| times.len() >= 5));
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    println!("measured: after {pause:?} of standstill, from reading to reading: {gaps:?}");
    // The interval is a second; that many readings were missed, and none comes in a bunch.
    assert!(gaps.iter().all(|gap| *gap >= Duration::from_millis(500)), "{gaps:?}");
    let told = |page: &Page| last_success(page, "main", REGION, "account") >= Some(before + pause.as_secs_f64());
    agent.page_where("the page tells how old the reading before was", told);
    assert!(systemd.recv(&mut [0; 64]).is_ok(), "and systemd hears it again");
}

#[test]
fn once_prints_the_page_of_a_healthy_account() {
    let aws = Aws::start(world(&[REGION]));
    let said = run(command(&["once"]).envs(aws.environment()));
    assert_eq!(said.code, 0, "{}", said.err);
    let page = Page::parse(&said.out);
    assert!(all_succeed(&page, MAIN, REGION), "{}", said.out);
    assert_eq!(page.value("ses_production_access_enabled", &[("account", MAIN)]), Some(1.0));
    assert_eq!(page.value("ses_identity_verified", &[("identity", "shop.example")]), Some(1.0));
}

#[test]
fn once_waits_until_it_knows_whose_numbers_these_are() {
    let aws = Aws::start(world(&[REGION]));
    let slow = Trouble::Slow { delay: Duration::from_secs(4) };
    aws.world.inject(Fault::new(slow).operation("GetCallerIdentity"));
    let said = run(command(&["once"]).envs(aws.environment()));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        all_succeed(&Page::parse(&said.out), MAIN, REGION),
        "without the account there are no series:\n{}",
        said.out
    );
}

#[test]
fn once_that_never_learns_whose_numbers_these_are_has_failed() {
    let aws = Aws::start(world(&[REGION]));
    aws.world.inject(Fault::new(Trouble::Deny).operation("GetCallerIdentity"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), quick(&aws, &[REGION], "1s", "1h")).unwrap();
    let arguments = ["once", "--log.level", "error", "--config.file", file.path().to_str().unwrap()];
    let said = run(command(&arguments).envs(aws.environment()));
    assert_eq!(said.code, 1, "an empty page is no success:\n{}", said.out);
    let told = "ses-exporter: default/us-east-1 is not on the page: AWS has not told the account's id\n";
    assert_eq!(said.err, told);
}

#[test]
fn once_tells_what_failed_and_still_prints_what_did_not() {
    let aws = Aws::start(world(&[REGION, "eu-west-1"]));
    aws.world.inject(Fault::new(Trouble::Deny).region("eu-west-1"));
    let arguments = ["once", "--aws.regions", "us-east-1,eu-west-1", "--log.level", "error"];
    let said = run(command(&arguments).envs(aws.environment()));
    assert_eq!(said.code, 1);
    let page = Page::parse(&said.out);
    assert!(all_succeed(&page, MAIN, REGION));
    assert_eq!(
        page.value("ses_exporter_collector_success", &[("aws_region", "eu-west-1"), ("collector", "account")]),
        Some(0.0)
    );
    let lines: Vec<_> = said.err.lines().collect();
    let first = collectors::ALL.iter().filter(|row| row.declaration.after.is_empty());
    let first: Vec<&str> = first.map(|row| row.declaration.name).collect();
    assert_eq!(lines.len(), first.len(), "one line for each collector that was denied an answer: {lines:#?}");
    for (line, collector) in lines.iter().zip(first) {
        let begin = format!("ses-exporter: can't read {collector} of default/eu-west-1: ");
        assert!(line.starts_with(&begin) && line.contains("is not authorized to perform: ses:"), "{line}");
    }
}

#[test]
fn once_writes_its_file_whole_and_leaves_nothing_beside_it() {
    let aws = Aws::start(world(&[REGION]));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses.prom");
    std::fs::write(&file, "what was there before").unwrap();
    let path = file.to_str().unwrap();
    let said = run(command(&["once", "--output", path]).envs(aws.environment()));
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.err);
    let page = Page::parse(&std::fs::read_to_string(&file).unwrap());
    assert!(all_succeed(&page, MAIN, REGION));
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["ses.prom"]);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o444, 0o444, "node_exporter runs as somebody else: {mode:o}");
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_aws_is_asked() {
    let aws = Aws::start(world(&[REGION]));
    let said = run(command(&["once", "--output", "/nonexistent/ses.prom"]).envs(aws.environment()));
    assert_eq!(said.code, 1);
    let last = said.err.lines().last().unwrap();
    assert_eq!(
        last,
        "ses-exporter: can't write /nonexistent/ses.prom: there is no such folder; create it or name another file"
    );
    assert!(aws.world.requests().is_empty(), "nothing was asked for nothing");
}

#[test]
fn the_configuration_can_be_checked_without_a_start() {
    let aws = Aws::start(world(&[REGION]));
    for file in ["config/minimal.toml", "config/ses-exporter.toml"] {
        let path = repository(file);
        let said = run(command(&["--config.check", "--config.file", path.to_str().unwrap()]).envs(aws.environment()));
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "the configuration is good\n", ""), "{file}");
    }
    assert!(aws.world.requests().is_empty());
}

#[test]
fn it_prints_what_it_is_and_what_it_knows() {
    let said = run(&mut command(&["--version"]));
    assert_eq!((said.code, said.out), (0, format!("ses-exporter {}\n", env!("CARGO_PKG_VERSION"))));
    let said = run(&mut command(&["print", "metrics"]));
    assert_eq!(said.code, 0);
    for word in ["`ses_production_access_enabled`", "`ses_exporter_collector_success`", "| gauge |", "ses:GetAccount"] {
        assert!(said.out.contains(word), "{word}");
    }
    let said = run(&mut command(&["print", "iam-policy"]));
    let policy: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    assert_eq!(policy["Statement"].as_array().unwrap().len(), 1, "without roles there is nothing to assume");
    let said = run(&mut command(&["print", "config"]));
    assert_eq!(said.out, std::fs::read_to_string(repository("config/ses-exporter.toml")).unwrap());
    let help = run(&mut command(&["--help"]));
    assert_eq!(help.code, 0);
    for word in [
        "SES_EXPORTER_CONFIG_FILE",
        "SES_EXPORTER_REGIONS",
        "--web.listen-address",
        "once",
        "demo",
        "78 bad configuration",
    ] {
        assert!(help.out.contains(word), "{word}");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let aws = Aws::start(world(&[REGION]));
    for arguments in
        [&["print", "config"][..], &["print", "metrics"], &["--help"], &["--version"], &["--config.check"], &["once"]]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ses-exporter"))
            .args(arguments)
            .env_clear()
            .envs(aws.environment())
            .env("SES_EXPORTER_LOG_LEVEL", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn the_demo_shows_every_account_without_aws() {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (simulator, web) = (free(), free());
    let arguments =
        ["demo", "--simulator.listen-address", &simulator.to_string(), "--web.listen-address", &web.to_string()];
    let mut running = Running(command(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let child = &mut running.0;
    let words = BufReader::new(child.stdout.take().unwrap());
    let mut told = Vec::new();
    for line in words.lines().map(Result::unwrap) {
        told.push(line);
        if told.last().unwrap().starts_with("export ") {
            break;
        }
    }
    let ready = eventually("the demo is ready", || {
        let mut socket = TcpStream::connect(web).ok()?;
        socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        let page = Page::parse(answer.split_once("\r\n\r\n")?.1);
        let accounts: std::collections::BTreeSet<_> =
            page.find("ses_production_access_enabled", &[]).map(|sample| sample.labels["account"].clone()).collect();
        (accounts.len() == 4).then_some(page)
    });
    assert!(ready.find("ses_production_access_enabled", &[]).any(|sample| sample.value == 0.0), "a sandbox is shown");
    let export = told.last().unwrap().strip_prefix("export ").unwrap();
    let environment: Vec<_> = export.split(' ').map(|pair| pair.split_once('=').unwrap()).collect();
    others_see_the_same_world(&environment);
    let reload = request(web, "POST", "/-/reload", &[]);
    let fixed = "The demo has a configuration of its own, which cannot be reloaded.\n";
    assert_eq!((reload.status, reload.text().as_str()), (403, fixed));
    assert!(get(web, "/config", &[]).text().contains(", from the demo. Secrets are replaced by (set)."));
    assert!(signal("TERM", &child.id().to_string()));
    assert_eq!(eventually("it ends", || child.try_wait().unwrap()).code(), Some(0));
    let told = told.concat();
    assert!(told.contains(&format!("http://{web}/metrics")) && !told.contains(KEY), "{told}");
    let lent = environment.iter().find(|(name, _)| *name == "SES_EXPORTER_CONFIG_FILE").unwrap().1;
    assert!(!std::path::Path::new(lent).exists(), "{lent} is left behind");
    // The connection of a client that went away long ago.
    drop(TcpStream::connect(web).map(|socket| socket.shutdown(Shutdown::Both)));
}

/// With nothing but the line that the demo prints: its accounts, what they declare, and an address of one region.
fn others_see_the_same_world(environment: &[(&str, &str)]) {
    let said = run(command(&["print", "config", "--effective"]).envs(environment.iter().copied()));
    for word in ["shop-staging", "newsletter", "acquired-company", "il-central-1", "old-newsletter"] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    let sends = |region: &str| {
        let arguments = ["check", "send", "--from", "billing@example.com", "--to", "any", "--json"];
        let place = ["--account", "shop-production", "--region", region];
        run(command(&arguments).args(place).envs(environment.iter().copied()))
    };
    let (frankfurt, ireland) = (sends("eu-central-1"), sends("eu-west-1"));
    assert!([0, 1].contains(&frankfurt.code), "{frankfurt:?}");
    assert_eq!(ireland.code, 2, "{ireland:?}");
    assert!(ireland.out.contains("identity_in_other_region"), "{}", ireland.out);
}
