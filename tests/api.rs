//! The JSON API of the agent: what programs see of it, since when, and who else may see what.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use serde_json::Value;
use ses_exporter::simulator::{
    Account, ConfigurationSet, DnsFault, DnsFaultKind, Fault, Identity, Region, Trouble, World,
};

use crate::support::stage::{KEY, MAIN, MAIN_ACCOUNT, OTHER_ACCOUNT, SECRET, production, quick, world};
use crate::support::{Agent, Answer, Aws, Said, command, eventually, request, run};

const REGIONS: &[&str] = &["eu-west-1", "us-east-1"];

/// The answer of an agent that has looked at everything.
fn asked(agent: &Agent, path: &str) -> Value {
    let answer = eventually("it has looked", || Some(agent.get(path)).filter(|answer| answer.status != 503));
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    json(&answer)
}

/// Every answer of the API is JSON, is kept by nobody but whom it was given to, and holds no secret.
fn json(answer: &Answer) -> Value {
    let text = answer.text();
    assert_eq!(answer.headers["content-type"], "application/json", "{text}");
    let kept = if answer.headers.contains_key("etag") { "private, no-cache" } else { "no-store" };
    assert_eq!(answer.headers["cache-control"], kept, "{text}");
    assert!(!text.contains(SECRET) && !text.contains(KEY), "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The first answer of which `holds`.
fn asked_until(agent: &Agent, path: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || Some(asked(agent, path)).filter(&holds))
}

fn empty() -> World {
    World::empty().with_rate(None)
}

fn account() -> Account {
    Account::new(MAIN, "main").access_key(KEY, SECRET)
}

/// What only an agent that runs can tell.
fn without_since(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !["since", "since_at_least", "as_of"].contains(&name.as_str()));
            fields.values_mut().for_each(without_since);
        }
        Value::Array(items) => items.iter_mut().for_each(without_since),
        _ => {}
    }
}

#[test]
fn the_report_is_that_of_check_and_says_since_when() {
    let region = Region::fresh("us-east-1").identity(Identity::domain("shop.example").status("PENDING"));
    let aws = Aws::start(empty().with_account(account().region(production("eu-west-1").paused()).region(region)));
    let config = quick(&aws, REGIONS, "1s", "1h") + MAIN_ACCOUNT;
    let agent = Agent::start(&aws, &config);
    let of_agent = asked(&agent, "/api/v1/check");
    let sending = &of_agent["accounts"][0]["regions"][1]["sending"];
    assert_eq!(sending["since"]["production"]["since_at_least"], true, "{of_agent:#}");
    let pending = &of_agent["accounts"][0]["regions"][1]["identities"]["since"]["shop.example"];
    assert_eq!(pending["since_at_least"], true, "{of_agent:#}");

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ses-exporter.toml");
    std::fs::write(&file, &config).unwrap();
    let mut once = None;
    // A DNS record is wrong from the second look on, so both have to have looked as often.
    eventually("both tell the same", || {
        let said = run(command(&["check", "--json", "--config.file"]).arg(&file).envs(aws.environment()));
        let of_check: Value = serde_json::from_str(&said.out).unwrap();
        assert!(of_check.get("as_of").is_none() && !said.out.contains("since"), "{}", said.out);
        let mut without = asked(&agent, "/api/v1/check");
        without_since(&mut without);
        (without["accounts"][0]["regions"][1]["sending"] == of_check["accounts"][0]["regions"][1]["sending"]).then(
            || {
                once = Some((without, of_check));
            },
        )
    });
    let (of_agent, of_check) = once.unwrap();
    assert_eq!(of_agent["accounts"][0]["caller"], of_check["accounts"][0]["caller"]);
    assert_eq!(of_agent["verdict"], of_check["verdict"]);
    assert_eq!(of_agent["findings"][0], of_check["findings"][0]);
}

#[test]
fn a_change_between_two_readings_is_known_and_failures_do_not_end_it() {
    let aws = Aws::start(world(REGIONS));
    let agent = Agent::start(&aws, &(quick(&aws, REGIONS, "1s", "1h") + MAIN_ACCOUNT));
    let enabled = |report: &Value| report["accounts"][0]["regions"][1]["sending"]["since"]["enabled"].clone();
    let before = enabled(&asked(&agent, "/api/v1/check"));
    assert_eq!(before["since_at_least"], true);
    aws.world.change(|world| {
        let region = world.region_mut(MAIN, "us-east-1").unwrap();
        *region = production("us-east-1").paused();
    });
    let paused = asked_until(&agent, "/api/v1/check", "it is paused", |report| report["exit_code"] == 2);
    let since = enabled(&paused);
    assert!(since["since_at_least"].is_null() && since["since"].as_str() >= before["since"].as_str(), "{since}");
    let finding = &paused["findings"][0];
    assert_eq!((&finding["what"], &finding["since"]), (&"sending is paused by the account".into(), &since["since"]));

    aws.world.inject(Fault::new(Trouble::Throttle).operation("GetAccount").region("us-east-1"));
    let failed = |report: &Value| {
        let collectors = report["accounts"][0]["regions"][1]["collectors"].as_array().unwrap();
        collectors.iter().any(|one| one["collector"] == "account" && one["outcome"] == "partly")
    };
    let failing = asked_until(&agent, "/api/v1/check", "it can't be read", failed);
    assert_eq!(enabled(&failing), since);
    aws.world.clear_faults();
    let again = asked_until(&agent, "/api/v1/check", "it is read again", |report| !failed(report));
    assert_eq!(enabled(&again), since, "the state is the same, so it began when it began");
}

#[test]
fn before_the_first_look_it_says_so() {
    let aws = Aws::start(world(REGIONS));
    aws.world.inject(Fault::new(Trouble::Hang).operation("ListEmailIdentities"));
    let agent = Agent::start(&aws, &(quick(&aws, REGIONS, "1m", "1h") + MAIN_ACCOUNT));
    let answer = agent.get("/api/v1/check");
    assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, "2"), "{}", answer.text());
    let sentence = "the agent has not looked at everything yet; try again soon";
    assert_eq!(json(&answer)["error"], sentence);
}

#[test]
fn what_is_asked_wrongly_is_told_in_one_sentence() {
    let aws = Aws::start(world(REGIONS));
    let agent = Agent::start(&aws, &(quick(&aws, REGIONS, "1s", "1h") + MAIN_ACCOUNT));
    asked(&agent, "/api/v1/check?");
    for (path, status) in [("/api/v1/check?account=main", 400), ("/api/v2/check", 404), ("/api/", 404)] {
        let answer = agent.get(path);
        assert_eq!(answer.status, status, "{path}");
        assert!(json(&answer)["error"].as_str().is_some_and(|sentence| !sentence.contains('\n')), "{path}");
    }
}

fn ask(url: &str, arguments: &[&str]) -> Said {
    let said = run(command(&["check", "--from-agent", url]).args(arguments));
    assert!(!said.out.contains("canary") && !said.err.contains("canary"), "{said:?}");
    said
}

#[test]
fn check_asks_a_running_agent_without_configuration_or_credentials() {
    let region = Region::fresh("us-east-1").identity(Identity::domain("shop.example").status("PENDING"));
    let aws = Aws::start(empty().with_account(account().region(production("eu-west-1").paused()).region(region)));
    let agent = Agent::start(&aws, &(quick(&aws, REGIONS, "1m", "1h") + MAIN_ACCOUNT));
    asked(&agent, "/api/v1/check");
    let calls = aws.world.requests().len();
    let url = format!("http://ann:canary@{}/", agent.address);
    let programs = ask(&url, &["--json"]);
    assert_eq!((programs.code, programs.err.as_str()), (2, ""), "{programs:?}");
    let of_check: Value = serde_json::from_str(&programs.out).unwrap();
    assert_eq!(of_check, json(&agent.get("/api/v1/check")));
    let people = run(command(&["check"]).env("SES_EXPORTER_AGENT_URL", &url));
    assert_eq!((people.code, people.err.as_str()), (2, ""), "{people:?}");
    assert!(people.out.contains("sending is paused by the account, for at least "), "{}", people.out);
    assert!(people.out.contains("Told by an agent whose newest reading is of 20"), "{}", people.out);
    // A command or a record is on one line, so that it can be copied.
    let to_copy = |line: &str| line.trim_start().starts_with("aws ") || line.contains(" CNAME ");
    let mut prose = people.out.lines().filter(|line| !to_copy(line));
    assert!(prose.all(|line| line.chars().count() <= 100), "{}", people.out);
    assert_eq!(aws.world.requests().len(), calls, "AWS is not asked");
    let help = run(command(&["check", "--help"]).env("SES_EXPORTER_AGENT_URL", &url));
    assert!(help.out.contains("SES_EXPORTER_AGENT_URL") && !help.out.contains("canary"), "{}", help.out);
}

#[test]
fn it_waits_for_an_agent_until_all_is_well() {
    let aws = Aws::start(empty().with_account(account().region(production("us-east-1").paused())));
    let agent = Agent::start(&aws, &(quick(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT));
    asked(&agent, "/api/v1/check");
    let url = format!("http://{}", agent.address);
    assert_eq!(ask(&url, &["--wait", "1s"]).code, 2, "still paused");
    let mut child = command(&["check", "--wait", "30s", "--from-agent", &url]).stdout(Stdio::null()).spawn().unwrap();
    aws.world.change(|world| *world.region_mut(MAIN, "us-east-1").unwrap() = production("us-east-1"));
    let ended = eventually("it ends", || child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
}

/// A server that gives every request the same bytes, as often as it is asked.
fn always(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            // Whoever has hung up is not told.
            let _ = socket.read(&mut head);
            let _ = socket.write_all(answer);
        }
    });
    format!("http://ann:canary@{address}")
}

#[test]
fn an_agent_that_can_not_tell_is_told_of_in_one_sentence() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://ann:canary@{}", listener.local_addr().unwrap())
    };
    let report = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    for (url, sentence) in [
        (nobody, "Connection refused"),
        ("agent.example:10060".to_owned(), "takes the URL of an agent"),
        ("http://ann:canary@".to_owned(), "takes the URL of an agent"),
        ("http://no-such-host.invalid/".to_owned(), "can't reach the agent at http://no-such-host.invalid"),
        (always(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"), "wants a name and a password"),
        (always(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), "it is an older agent, none at all"),
        (always(b"HTTP/1.1 302 Go\r\nLocation: http://canary/\r\nContent-Length: 0\r\n\r\n"), "with status 302"),
        (always(b"HTTP/1.1 503 No\r\nContent-Length: 15\r\n\r\n{\"error\":\"why\"}"), "can't tell now: why"),
        (always(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"), "is no report that this program understands"),
        (always(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"version\":1}"), "is no report that"),
        (always(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"version\":9}"), "speaks version 9 of the report"),
        (always(b"220 mail.example ESMTP\r\n"), "can't reach the agent"),
        (always(report), "is no report that this program understands"),
    ] {
        let said = ask(&url, &[]);
        assert_eq!((said.code, said.out.as_str(), said.err.lines().count()), (3, "", 1), "{said:?}");
        assert!(said.err.contains(sentence), "{sentence}: {}", said.err);
    }
}

#[test]
fn an_answer_without_end_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]).unwrap();
        let spaces = vec![b' '; 1 << 20];
        let mut sent = socket.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while sent.is_ok() {
            sent = socket.write_all(&spaces);
        }
    });
    let said = ask(&url, &[]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("too large for a report") || said.err.contains("within 20s"), "{}", said.err);
}

/// What `[[expect]]`, `[[send_paths]]` and `[[failover]]` can say, and addresses that are to be hidden.
fn declared(key: &Path) -> String {
    format!(
        "[identities]\nemail_addresses = \"hashed\"\nhash_key_file = \"{}\"\n\
         [[expect]]\nregions = [\"us-east-1\"]\nstate = \"production\"\nidentities = [\"gone.example\"]\n\
         [[send_paths]]\nname = \"orders\"\nfrom = \"orders@shop.example\"\nregions = [\"us-east-1\"]\n\
         [[failover]]\nprimary = \"eu-west-1\"\nstandby = \"us-east-1\"\n",
        key.display()
    )
}

#[test]
fn the_estate_holds_what_was_read_and_judged_with_addresses_as_in_labels() {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "0123456789abcdef0123456789abcdef").unwrap();
    let ireland = production("eu-west-1").configuration_set(ConfigurationSet::new("main").tls_policy("REQUIRE"));
    let ann = Identity::email_address("ann@brand.example").status("FAILED");
    let virginia = Region::fresh("us-east-1")
        .identity(Identity::domain("shop.example").mail_from("mail.shop.example", "FAILED", "REJECT_MESSAGE"))
        .identity(ann);
    let missing = DnsFault::new(DnsFaultKind::Removed).name("_dmarc.shop.example");
    let aws = Aws::start(empty().with_account(account().region(ireland).region(virginia)).with_dns_fault(missing));
    let denied = Fault::new(Trouble::Deny).operation("GetEmailIdentity").region("us-east-1");
    let agent = Agent::start(&aws, &(quick(&aws, REGIONS, "1s", "1h") + MAIN_ACCOUNT + &declared(key.path())));
    let dmarc = |target: &Value| {
        target["identities"][1]["dns"].as_array()?.iter().find(|one| one["record"] == "dmarc").cloned()
    };
    let whole = asked_until(&agent, "/api/v1/estate", "all was looked at twice", |estate| {
        dmarc(&estate["targets"][1]).is_some_and(|record| record["reason"] == "missing")
    });
    assert_eq!((&whole["version"], whole["targets"].as_array().unwrap().len()), (&1.into(), 2));
    let here = &whole["targets"][1];
    let text = |pointer: &str| here.pointer(pointer).cloned().unwrap_or_default();
    for (pointer, expected) in [
        ("/account", "main"),
        ("/account_id", MAIN),
        ("/region", "us-east-1"),
        ("/partition", "aws"),
        ("/collectors/0/collector", "account"),
        ("/collectors/0/outcome", "ok"),
        ("/sending/review", "NOT_REQUESTED"),
        ("/identities/0/identity_type", "email_address"),
        ("/identities/0/verification", "FAILED"),
        ("/identities/1/identity", "shop.example"),
        ("/identities/1/mail_from/status", "FAILED"),
        ("/expected/state", "production"),
        ("/expected/missing/0", "gone.example"),
        ("/send_paths/0/path", "orders"),
        ("/send_paths/0/reasons/0", "mail_from_rejects"),
        ("/failover/0/primary", "eu-west-1"),
        ("/failover/0/reasons/0", "sandbox"),
    ] {
        assert_eq!(text(pointer), expected, "{pointer}: {here:#}");
    }
    for pointer in ["/collectors/0/read_at", "/identities/0/since", "/identities/1/mail_from/since", "/as_of"] {
        let of = if pointer == "/as_of" { &whole } else { here };
        assert!(of.pointer(pointer).and_then(Value::as_str).is_some_and(|time| time.ends_with('Z')), "{pointer}");
    }
    for (pointer, expected) in [
        ("/sending/production", false),
        ("/identities/0/can_send", false),
        ("/identities/1/can_send", true),
        ("/send_paths/0/ready", false),
        ("/failover/0/ready", false),
    ] {
        assert_eq!(text(pointer), expected, "{pointer}: {here:#}");
    }
    assert_eq!(whole["targets"][0]["configuration_sets"][0]["name"], "main", "{whole:#}");
    assert_eq!(whole["targets"][0]["configuration_sets"][0]["tls_required"], true);

    // AWS names the address that it refuses.
    aws.world.inject(denied);
    let refused = asked_until(&agent, "/api/v1/check", "it is denied", |report| report.to_string().contains("denied"));
    for told in [whole.to_string(), refused.to_string(), agent.get("/api/v1/estate").text()] {
        assert!(!told.contains("ann@"), "{told}");
        assert!(told.contains("@brand.example"), "{told}");
    }
}

#[test]
fn the_estate_is_filtered_and_a_filter_that_is_none_is_refused() {
    let aws = Aws::start(world(REGIONS));
    let agent = Agent::start(&aws, &(quick(&aws, REGIONS, "1s", "1h") + MAIN_ACCOUNT + OTHER_ACCOUNT));
    let targets = |query: &str| {
        let estate = asked(&agent, &format!("/api/v1/estate{query}"));
        let targets = estate["targets"].as_array().unwrap().clone();
        targets.iter().map(|one| format!("{} {}", one["account"], one["region"]).replace('"', "")).collect::<Vec<_>>()
    };
    let all = ["main eu-west-1", "main us-east-1", "other eu-west-1", "other us-east-1"];
    assert_eq!(targets(""), all);
    assert_eq!(targets("?account=other"), all[2..]);
    assert_eq!(targets("?region=eu-west-1"), [all[0], all[2]]);
    assert_eq!(targets("?account=main&region=us%2Deast%2D1"), [all[1]]);
    assert!(targets("?account=nobody").is_empty());
    for query in ["?regoin=eu-west-1", "?region=a&region=b"] {
        let answer = agent.get(&format!("/api/v1/estate{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(json(&answer)["error"].is_string());
    }
}

/// The pages from one on, each by what the one before says.
fn pages(agent: &Agent, first: &str) -> Vec<Value> {
    let (mut pages, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(query) = next {
        let answer = agent.get(&format!("/api/v1/estate{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let page = json(&answer);
        next = page["next"].as_str().map(str::to_owned);
        let link = next.as_ref().map(|next| format!("<{next}>; rel=\"next\""));
        assert_eq!(answer.headers.get("link"), link.as_ref());
        pages.push(page);
        assert!(pages.len() < 100, "pages without end");
    }
    pages
}

/// Region and name of every identity, in the order in which they are told.
fn identities<'a>(estates: impl IntoIterator<Item = &'a Value>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let targets = estates.into_iter().flat_map(|estate| estate["targets"].as_array().unwrap());
    let each = targets.flat_map(|target| target["identities"].as_array().unwrap().iter().map(move |one| (target, one)));
    each.map(|(target, one)| (text(&target["region"]), text(&one["identity"]))).collect()
}

fn domains(region: Region, count: usize) -> Region {
    (0..count).fold(region, |region, number| region.identity(Identity::domain(format!("d{number}.example"))))
}

#[test]
fn the_estate_is_told_a_page_at_a_time_and_nothing_twice_or_never() {
    let regions = ["eu-central-1", "eu-west-1", "eu-west-2", "us-east-1"];
    let account = account()
        .region(domains(Region::fresh(regions[0]), 5))
        .region(Region::fresh(regions[1]))
        .region(Region::fresh(regions[2]))
        .region(domains(Region::fresh(regions[3]), 2));
    let aws = Aws::start(empty().with_account(account));
    let agent = Agent::start(&aws, &(quick(&aws, &regions, "1s", "1h") + MAIN_ACCOUNT));
    let whole = asked_until(&agent, "/api/v1/estate", "all is listed", |estate| {
        estate["targets"].as_array().unwrap().iter().all(|target| target["identities"].is_array())
    });
    assert!(whole["next"].is_null());
    let every = identities([&whole]);
    assert_eq!((every.len(), every.is_sorted()), (7, true), "{every:?}");

    let walked = pages(&agent, "?limit=2");
    assert_eq!(identities(&walked), every);
    let targets = |page: &Value| page["targets"].as_array().unwrap().len();
    // Two, two, one with a region that has none, the other such with one of the last, the last one.
    assert_eq!(walked.iter().map(targets).collect::<Vec<_>>(), [1, 1, 2, 2, 1]);
    assert!(walked.iter().all(|page| page["targets"][0]["sending"].is_object()), "every page stands alone");
    assert_eq!(pages(&agent, "?limit=10000").len(), 1);
    assert_eq!(identities(&pages(&agent, "?limit=1&region=us-east-1&account=main")), every[5..]);

    // One goes and one comes before the place where the next page begins.
    let next = walked[0]["next"].as_str().unwrap();
    aws.world.change(|world| {
        let region = world.region_mut(MAIN, regions[0]).unwrap();
        *region = ["c.example", "d2.example", "d3.example", "d4.example"]
            .into_iter()
            .fold(Region::fresh(regions[0]), |region, name| region.identity(Identity::domain(name)));
    });
    asked_until(&agent, "/api/v1/estate", "the list is read anew", |estate| estate.to_string().contains("c.example"));
    assert_eq!(identities(&pages(&agent, next)), every[2..]);

    let other = Agent::start(&aws, &(quick(&aws, &regions[1..], "1s", "1h") + MAIN_ACCOUNT));
    asked(&other, "/api/v1/estate?limit=1");
    for query in [next, "?limit=0", "?limit=many", "?cursor=x", "?limit=1&cursor=bm9uc2Vuc2U"] {
        let answer = other.get(&format!("/api/v1/estate{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(json(&answer)["error"].as_str().is_some_and(|sentence| !sentence.contains('\n')), "{query}");
    }
}

#[test]
fn who_has_the_facts_is_not_told_them_again_until_something_changes() {
    let aws = Aws::start(empty().with_account(account().region(production("us-east-1"))));
    let agent = Agent::start(&aws, &(quick(&aws, &["us-east-1"], "1s", "1h") + MAIN_ACCOUNT));
    let path = "/api/v1/estate?region=us-east-1";
    asked(&agent, path);
    let mut before: Option<(String, Value)> = None;
    let tag = eventually("a later reading says the same", || {
        let answer = agent.get(path);
        let (tag, as_of) = (answer.headers["etag"].clone(), json(&answer)["as_of"].clone());
        let again = before.replace((tag.clone(), as_of.clone()));
        again.is_some_and(|(same, earlier)| same == tag && earlier != as_of).then_some(tag)
    });
    let ask = |method: &str, tag: &str| request(agent.address, method, path, &[("If-None-Match", tag)]);
    for method in ["GET", "HEAD"] {
        let known = ask(method, &format!("\"other\", {tag}"));
        assert_eq!((known.status, known.body.len()), (304, 0), "{method}");
        assert_eq!((&known.headers["etag"], known.headers["cache-control"].as_str()), (&tag, "private, no-cache"));
        assert_eq!(ask(method, "\"other\"").status, 200);
    }
    aws.world.change(|world| *world.region_mut(MAIN, "us-east-1").unwrap() = production("us-east-1").paused());
    let changed = eventually("it is told anew", || Some(ask("GET", &tag)).filter(|answer| answer.status == 200));
    assert_eq!(json(&changed)["targets"][0]["sending"]["enabled"], false);
    assert_ne!(changed.headers["etag"], tag);
}

#[test]
fn a_page_of_ten_thousand_identities_is_as_small_as_one_of_a_thousand() {
    let aws = Aws::start(empty().with_account(account().region(domains(Region::fresh("us-east-1"), 10_000))));
    let list_alone = "dns.enabled = false\nidentity_details.enabled = false\n[identities]\nmax_per_region = 10000\n";
    let agent = Agent::start(&aws, &(quick(&aws, &["us-east-1"], "1s", "1h") + list_alone + MAIN_ACCOUNT));
    asked_until(&agent, "/api/v1/estate?limit=1", "all is listed", |page| page["next"].is_string());
    let first = agent.get("/api/v1/estate?limit=1000");
    assert!(first.body.len() < 200_000, "{} bytes", first.body.len());
    let walked = pages(&agent, "?limit=1000");
    assert_eq!((walked.len(), identities(&walked).len()), (10, 10_000));
}
