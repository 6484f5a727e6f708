//! How many calls the identities of a region cost, how fast they come, and that `print cost` says so beforehand.

use super::*;

const DKIM: &str = "GetIdentityDkimAttributes";
const MAIL_FROM: &str = "GetIdentityMailFromDomainAttributes";
const NOTIFICATIONS: &str = "GetIdentityNotificationAttributes";
const DESCRIBE: &str = "GetEmailIdentity";

/// A world with so many domains, and nothing else.
fn domains(count: usize) -> Aws {
    let mut world = world(&[REGION]);
    *world.region_mut(MAIN, REGION).unwrap() = Region::production(REGION, 50_000.0, 14.0).identities(count);
    Aws::start(world)
}

/// A configuration in which `identity_details` reads every second, with a budget that it feels, and little else reads.
fn config(aws: &Aws) -> String {
    format!(
        "[aws]\nregions = [\"{REGION}\"]\nendpoint_url = \"{}\"\n\
         [poll]\njitter = 0.0\nstale_after = \"4h\"\n\
         [identities]\nmax_per_region = 10000\n\
         [budget]\nrequests_per_second = 25\nburst = 2\n\
         [collectors]\nidentity_details.interval = \"1s\"\nidentities.interval = \"1h\"\nsending.interval = \"1h\"\n\
         account.interval = \"1h\"\nconfiguration_sets.interval = \"1h\"\ndns.enabled = false\n{MAIN_ACCOUNT}",
        aws.simulator.url()
    )
}

/// What collector `identity_details` asked, oldest first.
fn asked(aws: &Aws) -> Vec<LoggedRequest> {
    let mut log = to_ses(&aws.world.requests(), MAIN, REGION);
    log.retain(|entry| [DKIM, MAIL_FROM, NOTIFICATIONS, DESCRIBE].contains(&entry.operation.as_str()));
    log
}

fn count(log: &[LoggedRequest], operation: &str) -> usize {
    log.iter().filter(|entry| entry.operation == operation).count()
}

/// The numbers of one row of the table that `print cost` prints, by the number of identities at the head.
fn cost(config: &str, row: &str, identities: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let said = run(command(&["print", "cost", "--config.file"]).arg(file.path()));
    assert_eq!(said.code, 0, "{said:?}");
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let head = cells(said.out.lines().next().unwrap());
    let column = head.iter().position(|cell| *cell == format!("{identities} identities")).unwrap();
    let line = said.out.lines().map(cells).find(|cells| cells[0] == row).unwrap();
    line[column].replace(',', "")
}

fn sweep(page: &Page, part: &str) -> Duration {
    Duration::from_secs_f64(page.value("ses_exporter_identity_sweep_seconds", &[("part", part)]).unwrap())
}

#[test]
fn a_pass_asks_each_question_once_a_hundred_and_keeps_to_its_slices_and_its_budget() {
    let (identities, said) = if long() { (10_000, "10,000") } else { (1_000, "1,000") };
    let batches = identities / 100;
    let aws = domains(identities);
    let config = config(&aws);
    let began = Instant::now();
    let agent = Agent::start(&aws, &config);
    let everyone = |page: &Page| page.find("ses_identity_dkim_status", &[]).count() == identities;
    let longest = Instant::now() + Duration::from_mins(5);
    let page = loop {
        let page = agent.page();
        if everyone(&page) {
            break page;
        }
        assert!(Instant::now() < longest, "one pass takes {} slices", batches / 2);
        std::thread::sleep(Duration::from_millis(200)); // the pause between two looks, not the condition
    };
    // A slice that came late must not be counted with the next pass.
    let log = asked(&aws);
    let (second, fifth) = (Duration::from_secs(1), Duration::from_millis(200));
    let busiest = [second, fifth].map(|window| aws.world.busiest_window(window));
    let most = aws.world.most_in_flight();
    let elapsed = began.elapsed();
    let end = log.iter().enumerate().filter(|(_, entry)| entry.operation == NOTIFICATIONS).nth(batches - 1).unwrap().0;
    let pass = &log[..=end];
    assert_eq!([DKIM, MAIL_FROM, NOTIFICATIONS].map(|operation| count(pass, operation)), [batches; 3]);
    // Every slice of the pass begins with batches: what stands between the first of two slices and that of the next.
    let starts =
        (0..pass.len()).filter(|at| pass[*at].operation == DKIM && (*at == 0 || pass[*at - 1].operation == DESCRIBE));
    let starts: Vec<usize> = starts.collect();
    assert_eq!(starts.len(), batches / 2, "two batches a slice");
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == 10), "ten calls a slice: {starts:?}");
    assert!(log.len() as u64 <= 10 * (elapsed.as_secs() + 2), "{} calls in {elapsed:?}", log.len());
    println!("measured: {busiest:?} calls in the busiest second and fifth of one, {} calls in {elapsed:?}", log.len());
    assert_eq!(most, 1, "never two in flight");
    // What the rate and the burst let through, and the one that was on its way when the window began.
    assert!(
        busiest[0] <= 25 + 2 + 1 && busiest[1] <= 5 + 2 + 1,
        "{busiest:?} calls within a second and a fifth of one"
    );

    let slices = (batches / 2).max(15);
    assert_eq!(sweep(&page, "attributes"), Duration::from_secs(slices as u64));
    let told = cost(&config, "`identity_details`, everything seen once", said);
    let told = humantime::parse_duration(&told).unwrap();
    let round = sweep(&page, "description");
    assert!(round >= told && round < told + Duration::from_mins(1), "the page says {round:?}, print cost {told:?}");
}

#[test]
fn calls_are_as_many_as_print_cost_says() {
    const IDENTITIES: usize = 10;
    let aws = domains(IDENTITIES);
    let config = config(&aws);
    let agent = Agent::start(&aws, &config);
    let page = agent.page_where("all are described", |page| {
        page.find("ses_identity_verification_last_checked_timestamp_seconds", &[]).count() == IDENTITIES
    });
    let told: f64 = cost(&config, "`identity_details`", "10").parse().unwrap();
    let began = asked(&aws).iter().find(|entry| entry.operation == DKIM).unwrap().at;
    let round = sweep(&page, "description");
    // Whole passes, so that an hour can be reckoned from them, and one fewer than fit: the last one and the second round of
    // descriptions would fall together.
    let passes = if long() { usize::try_from(round.as_secs() / 15).unwrap() - 1 } else { 1 };
    let end = Instant::now() + Duration::from_secs(15 * passes as u64) + crate::support::PATIENCE;
    let log = loop {
        let log = asked(&aws);
        if count(&log, DKIM) > passes {
            break log;
        }
        assert!(Instant::now() < end, "a pass takes 15 s: {:?}", operations(&log));
        std::thread::sleep(Duration::from_millis(200)); // the pause between two looks, not the condition
    };
    let last = log.iter().filter(|entry| entry.operation == DKIM).nth(passes).unwrap().at;
    let span = last.duration_since(began).as_secs_f64();
    let within = log.iter().filter(|entry| entry.at < last);
    let batches = within.clone().filter(|entry| entry.operation != DESCRIBE).count();
    // The first descriptions are those of the start; they come again a round later.
    let descriptions = within.filter(|entry| entry.operation == DESCRIBE).count();
    assert_eq!((batches, descriptions), (3 * passes, IDENTITIES));
    let an_hour = |calls: usize, seconds: f64| f64::from(u32::try_from(calls).unwrap()) / seconds * 3600.0;
    let hourly = an_hour(batches, span) + an_hour(descriptions, round.as_secs_f64());
    println!("measured: {hourly:.0} calls an hour, {told} are told");
    assert!((hourly / told - 1.0).abs() < 0.1, "{hourly} calls an hour, {told} are told");
}

#[test]
fn a_slice_that_is_throttled_is_asked_again_as_a_whole() {
    const IDENTITIES: usize = 250;
    let aws = domains(IDENTITIES);
    // The client tries three times by itself; one slice more fails.
    aws.world.inject(Fault::new(Trouble::Throttle).operation(MAIL_FROM).times(5));
    let agent = Agent::start(&aws, &config(&aws));
    let of = |page: &Page, family: &'static str| page.find(family, &[]).count();
    let page = agent.page_where("all are known", |page| of(page, "ses_identity_dkim_status") == IDENTITIES);
    let labels: BTreeSet<&str> =
        page.find("ses_identity_dkim_status", &[]).map(|sample| sample.labels["identity"].as_str()).collect();
    assert_eq!(labels.len(), IDENTITIES);
    assert_eq!(of(&page, "ses_identity_notification_topic_configured"), 2 * IDENTITIES);
    let failures = failures(&page, "main", REGION, "identity_details");
    assert_eq!(failures.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["throttled"]);
    assert_eq!(success(&page, "main", REGION, "identity_details"), Some(1.0));
    let log = asked(&aws);
    let mut good: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in log.iter().filter(|entry| entry.status == Some(200)) {
        *good.entry(&entry.operation).or_default() += 1;
    }
    assert_eq!(good[MAIL_FROM], IDENTITIES.div_ceil(100), "no answer that was good is asked for again: {good:?}");
    let described: Vec<&str> = log.iter().filter_map(|entry| entry.subject.as_deref()).collect();
    let once: BTreeSet<&str> = described.iter().copied().collect();
    assert_eq!(described.len(), once.len(), "nobody is described twice");
}
