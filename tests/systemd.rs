//! The units of `deploy/systemd/`: that systemd understands them, how much they leave to the agent, and that it needs no more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::support::programs::{Program, installed};
use crate::support::stage::{MAIN_ACCOUNT, all_succeed, quick, world};
use crate::support::{Aws, Page, command, eventually, get, repository, run, signal};

const SERVICE: &str = "ses-exporter.service";
const SOCKET: &str = "ses-exporter.socket";
const DROP_INS: [&str; 2] = ["socket.conf", "credentials.conf"];
/// In tenths: what `systemd-analyze security` calls the exposure level.
const MOST_EXPOSED: &str = "--threshold=12";

fn unit(name: &str) -> String {
    fs::read_to_string(repository(&format!("deploy/systemd/{name}"))).unwrap()
}

/// The values of a setting, in the order of the file.
fn values<'a>(unit: &'a str, setting: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(setting)?.strip_prefix('=')).collect()
}

/// The units as they are installed, but for the place of the program.
fn install(folder: &Path, drop_ins: &[&str]) {
    let program = env!("CARGO_BIN_EXE_ses-exporter");
    fs::write(folder.join(SERVICE), unit(SERVICE).replace("/usr/bin/ses-exporter", program)).unwrap();
    fs::write(folder.join(SOCKET), unit(SOCKET)).unwrap();
    let below = folder.join(format!("{SERVICE}.d"));
    fs::create_dir(&below).unwrap();
    for name in drop_ins {
        fs::write(below.join(name), unit(name)).unwrap();
    }
}

#[test]
fn systemd_understands_the_units_with_and_without_their_drop_ins() {
    for drop_ins in [&[][..], &DROP_INS] {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path(), drop_ins);
        let mut verify = installed("systemd-analyze");
        // The colon at the end appends the units of the machine.
        verify
            .env("SYSTEMD_UNIT_PATH", format!("{}:", folder.path().display()))
            .args(["--recursive-errors=no", "verify"]);
        let said = run(verify.args([SERVICE, SOCKET].map(|name| folder.path().join(name))));
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""), "{drop_ins:?}");
    }
}

#[test]
fn the_service_is_exposed_as_little_as_promised() {
    let mut analyze = installed("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager", MOST_EXPOSED]);
    let said = run(analyze.arg(repository(&format!("deploy/systemd/{SERVICE}"))));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    println!("{}", said.out.lines().last().unwrap_or_default());
}

#[test]
fn the_units_set_only_what_the_agent_knows() {
    let help = run(&mut command(&["--help"])).out;
    let texts: Vec<String> = [SERVICE, "socket.conf", "credentials.conf"].map(unit).into();
    let set: Vec<&str> = texts.iter().flat_map(|text| values(text, "Environment")).collect();
    assert_eq!(set.len(), 5, "{set:#?}");
    for variable in set.iter().filter_map(|set| set.split('=').next()) {
        // The SDK's own variables are no options.
        assert!(variable.starts_with("AWS_") || help.contains(&format!("[env: {variable}=")), "{variable}");
    }
    for status in values(&texts[0], "RestartPreventExitStatus").concat().split(' ') {
        assert!(
            help.contains(&format!("{status} bad configuration")) || help.contains(&format!("{status} wrong usage"))
        );
    }
}

/// The sets of system calls by name, as this systemd knows them.
fn sets_of_calls() -> BTreeMap<String, BTreeSet<String>> {
    let said = run(installed("systemd-analyze").args(["syscall-filter", "--no-pager"]));
    let mut sets = BTreeMap::<String, BTreeSet<String>>::new();
    let mut current = String::new();
    for line in said.out.lines().filter(|line| !line.trim_start().starts_with('#')) {
        match line.strip_prefix("    ") {
            Some(member) => drop(sets.entry(current.clone()).or_default().insert(member.to_owned())),
            None => line.clone_into(&mut current),
        }
    }
    sets
}

/// The calls of a set, those of the sets inside it too.
fn calls(sets: &BTreeMap<String, BTreeSet<String>>, name: &str) -> BTreeSet<String> {
    let members = sets.get(name).unwrap_or_else(|| panic!("systemd knows no {name}"));
    let inside = |member: &String| {
        if member.starts_with('@') { calls(sets, member) } else { BTreeSet::from([member.clone()]) }
    };
    members.iter().flat_map(inside).collect()
}

/// What the unit lets through.
fn allowed(service: &str) -> BTreeSet<String> {
    let sets = sets_of_calls();
    let mut allowed = calls(&sets, "@default");
    for filter in values(service, "SystemCallFilter") {
        let (names, denied) = filter.strip_prefix('~').map_or((filter, false), |names| (names, true));
        for call in names.split(' ').flat_map(|name| calls(&sets, name)) {
            if denied {
                allowed.remove(&call)
            } else {
                allowed.insert(call)
            };
        }
    }
    allowed
}

/// `name(arguments…` of every call that `strace -f` wrote down, without the halves of calls that were told in two.
fn traced(trace: &str) -> impl Iterator<Item = (&str, &str)> {
    let told = trace.lines().filter_map(|line| line.split_once(' ')).map(|(_process, said)| said.trim_start());
    told.filter_map(|said| said.split_once('('))
        .filter(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

/// The sandbox is not only tight, the agent lives in it: polls, serves, is asked to stop, and meets no wall.
#[test]
fn the_agent_does_nothing_that_the_service_forbids() {
    const REGION: &str = "us-east-1";
    let aws = Aws::start(world(&[REGION]));
    let folder = tempfile::tempdir().unwrap();
    let (config, trace) = (folder.path().join("ses-exporter.toml"), folder.path().join("trace"));
    fs::write(&config, quick(&aws, &[REGION], "1s", "1h") + MAIN_ACCOUNT).unwrap();
    let agent = Program::start("strace", "/-/ready", |address, _| {
        let mut strace = installed("strace");
        strace.args(["-f", "-qq", "-o"]).arg(&trace).arg(env!("CARGO_BIN_EXE_ses-exporter"));
        strace.args(["--web.listen-address", &address.to_string(), "--config.file"]).arg(&config);
        strace.env("HOME", "/nonexistent").envs(aws.environment());
        strace
    });
    eventually("everything is read", || {
        let page = Page::parse(&get(agent.address, "/metrics", &[]).text());
        all_succeed(&page, "main", REGION).then_some(())
    });
    for path in ["/", "/api/v1/check", "/api/v1/estate"] {
        assert_eq!(get(agent.address, path, &[]).status, 200, "{path}");
    }
    let first = fs::read_to_string(&trace).unwrap();
    assert!(signal("TERM", first.split(' ').next().unwrap()));
    let log = eventually("it ends", || {
        let log = fs::read_to_string(&trace).unwrap();
        log.contains("exit_group(0)").then_some(log)
    });

    let service = unit(SERVICE);
    let allowed = allowed(&service);
    let families: Vec<&str> =
        values(&service, "RestrictAddressFamilies").iter().flat_map(|line| line.split(' ')).collect();
    let mut seen = BTreeSet::new();
    for (name, arguments) in traced(&log) {
        seen.insert(name);
        assert!(allowed.contains(name), "the service forbids {name}({arguments}");
        if name == "socket" {
            let family = arguments.split(',').next().unwrap_or_default();
            assert!(families.contains(&family), "the service forbids sockets of {family}");
        }
        // MemoryDenyWriteExecute: memory is either written to or executed, from the start.
        let executable = arguments.contains("PROT_EXEC");
        assert!(!(name == "mprotect" && executable), "mprotect({arguments}");
        assert!(!(name == "mmap" && executable && arguments.contains("PROT_WRITE")), "mmap({arguments}");
        // ProtectSystem=strict: nothing is written, wherever it is.
        let writes = ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|word| arguments.contains(word));
        assert!(!(name == "openat" && writes && !arguments.contains("/dev/null")), "openat({arguments}");
    }
    println!("{} kinds of system calls, all allowed", seen.len());
    assert!(["accept4", "openat", "mmap", "socket"].iter().all(|name| seen.contains(name)), "{seen:?}");
}
