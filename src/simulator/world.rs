//! The simulated world: accounts, their regions, the keys that lead into them, the time, and what is wrong at the moment.
//!
//! A [`World`] is built, then handed to `Simulator::start`, which makes it a `SharedWorld`. It knows nothing of HTTP.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::account::{AccessKey, Account, Entrance, Role};
use super::chance;
use super::clock::Clock;
use super::configuration_set::ConfigurationSet;
use super::dns::Dns;
use super::identity::Identity;
use super::journal::Journal;
use super::rate::{Limiter, MailLimiter, Rate};
use super::region::{ACCOUNT_MEMBERS, Region};
use super::seed;
use super::sending::Profile;
use super::story::{Change, Scene, Story};
use super::trouble::Faults;

/// Why a change of the world was refused. Each message says what is allowed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorldError {
    /// No account of that id.
    #[error("there is no account {id}; there are: {known}")]
    UnknownAccount {
        /// The id that was asked for.
        id: String,
        /// All ids.
        known: String,
    },
    /// No region of that name in the account.
    #[error("account {account} has no region {region}; it has: {known}")]
    UnknownRegion {
        /// The account.
        account: String,
        /// The region that was asked for.
        region: String,
        /// All its regions.
        known: String,
    },
    /// Not a member of GetAccount's answer.
    #[error("GetAccount has no member {member}; it has: {known}")]
    UnknownMember {
        /// The member that was given.
        member: String,
        /// All members.
        known: String,
    },
    /// No identity of that name in the region.
    #[error("there is no identity {name} in {account} {region}; SES v2 CreateEmailIdentity creates one")]
    UnknownIdentity {
        /// The account.
        account: String,
        /// The region.
        region: String,
        /// The identity that was asked for.
        name: String,
    },
    /// What the state of the world does not allow; the sentence says why.
    #[error("{0}")]
    Impossible(String),
}

/// Everything that the simulator knows.
#[derive(Debug)]
pub struct World {
    pub(super) seed: u64,
    pub(super) clock: Clock,
    began: SystemTime,
    accounts: BTreeMap<String, Account>,
    story: Story,
    pub(super) limiter: Limiter,
    pub(super) mail_limiter: MailLimiter,
    pub(super) latency: Duration,
    pub(super) session_lifetime: Option<Duration>,
    pub(super) sessions: HashMap<String, Session>,
    pub(super) faults: Faults,
    pub(super) dns: Dns,
    pub(super) journal: Journal,
}

/// Temporary keys that AssumeRole handed out.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) account: String,
    pub(super) role: String,
    pub(super) name: String,
    pub(super) token: String,
    pub(super) expires: SystemTime,
}

impl World {
    /// No accounts, the system's clock, the rate of Amazon SES, no latency.
    pub fn empty() -> World {
        let clock = Clock::system();
        World {
            seed: 0,
            began: clock.now(),
            clock,
            accounts: BTreeMap::new(),
            story: Story::default(),
            limiter: Limiter::new(Some(Rate::default())),
            mail_limiter: MailLimiter::new(),
            latency: Duration::ZERO,
            session_lifetime: None,
            sessions: HashMap::new(),
            faults: Faults::default(),
            dns: Dns::default(),
            journal: Journal::default(),
        }
    }

    /// The world of the demo: four accounts of a shop that show every state an operator meets, and change while one looks.
    pub fn demo(seed: u64) -> World {
        World::demo_at(seed, Clock::system())
    }

    /// The same on another clock.
    pub fn demo_at(seed: u64, clock: Clock) -> World {
        seed::demo(seed, clock)
    }

    /// So many accounts, each in production in so many regions with so many verified domains, for load tests. The first account has
    /// the access key and the others trust it. Regions beyond the 33 of SES are named `sim-test-34` and so on. Not rate-limited.
    pub fn uniform(accounts: usize, regions: usize, identities: usize) -> World {
        let caller = seed::account_id(1);
        let known = seed::all_regions();
        let names =
            (0..regions).map(|at| known.get(at).map_or_else(|| format!("sim-test-{}", at + 1), ToString::to_string));
        let template =
            Region::production("", 50_000.0, 14.0).sending(Profile::healthy(20_000.0)).identities(identities);
        let regions: Vec<Region> = names
            .map(|name| {
                let mut region = template.clone();
                region.name = name;
                region
            })
            .collect();
        let mut world = World::empty().with_rate(None);
        for number in 1..=accounts {
            let id = seed::account_id(number);
            let account =
                regions.iter().cloned().fold(Account::new(&id, &format!("account-{number:04}")), Account::region);
            world = world.with_account(if number == 1 {
                account.access_key(seed::CALLER_KEY, seed::CALLER_SECRET)
            } else {
                account.role(Role::trusting("ses-exporter", &caller))
            });
        }
        world
    }

    /// Another clock; the world begins at its present. Call it first: what follows may be relative to the beginning.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> World {
        self.began = clock.now();
        self.clock = clock;
        self
    }

    /// Another seed: other noise in what is sent, other DKIM tokens.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> World {
        self.seed = seed;
        self
    }

    /// One more account, or another in the place of the one of that id.
    #[must_use]
    pub fn with_account(mut self, account: Account) -> World {
        self.accounts.insert(account.id.clone(), account);
        self
    }

    /// Something that will happen.
    #[must_use]
    pub fn with_scene(mut self, scene: Scene) -> World {
        self.story.add(scene);
        self
    }

    /// Another rate for each account and region; none switches the limit off.
    #[must_use]
    pub fn with_rate(mut self, rate: Option<Rate>) -> World {
        self.limiter.rate = rate;
        self
    }

    /// Whether messages beyond SendQuota.MaxSendRate are refused; they are unless this is called.
    #[must_use]
    pub fn with_send_rate(mut self, enforced: bool) -> World {
        self.mail_limiter.enforced = enforced;
        self
    }

    /// How long every answer takes.
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> World {
        self.latency = latency;
        self
    }

    /// How long temporary keys live, whatever AssumeRole asks for.
    #[must_use]
    pub fn with_session_lifetime(mut self, lifetime: Duration) -> World {
        self.session_lifetime = Some(lifetime);
        self
    }

    /// The world's time.
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// When the world began.
    pub fn began(&self) -> SystemTime {
        self.began
    }

    /// All accounts, by id.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// An account.
    pub fn account(&self, id: &str) -> Result<&Account, WorldError> {
        self.accounts.get(id).ok_or_else(|| self.unknown_account(id))
    }

    /// An account, to change it.
    pub fn account_mut(&mut self, id: &str) -> Result<&mut Account, WorldError> {
        let unknown = self.unknown_account(id);
        self.accounts.get_mut(id).ok_or(unknown)
    }

    /// A region of an account.
    pub fn region(&self, account: &str, region: &str) -> Result<&Region, WorldError> {
        let account = self.account(account)?;
        account.regions.get(region).ok_or_else(|| unknown_region(account, region))
    }

    /// A region of an account, to change it.
    pub fn region_mut(&mut self, account: &str, region: &str) -> Result<&mut Region, WorldError> {
        let account = self.account_mut(account)?;
        let unknown = unknown_region(account, region);
        account.regions.get_mut(region).ok_or(unknown)
    }

    /// Merges into the account state of a region; only members of GetAccount's answer are accepted.
    pub fn patch_region(&mut self, account: &str, region: &str, patch: &Value) -> Result<(), WorldError> {
        let stranger =
            patch.as_object().and_then(|patch| patch.keys().find(|key| !ACCOUNT_MEMBERS.contains(&key.as_str())));
        if let Some(member) = stranger {
            return Err(WorldError::UnknownMember { member: member.clone(), known: ACCOUNT_MEMBERS.join(", ") });
        }
        let now = self.now();
        self.region_mut(account, region)?.patch(patch, now);
        Ok(())
    }

    /// Adds an identity to a region, or replaces the one of that name.
    pub fn put_identity(&mut self, account: &str, region: &str, identity: Identity) -> Result<(), WorldError> {
        self.region_mut(account, region)?.put_identity(identity);
        Ok(())
    }

    /// Removes an identity; false when there was none of that name.
    pub fn remove_identity(&mut self, account: &str, region: &str, name: &str) -> Result<bool, WorldError> {
        Ok(self.region_mut(account, region)?.remove_identity(name))
    }

    /// Adds a configuration set to a region, or replaces the one of that name.
    pub fn put_configuration_set(
        &mut self,
        account: &str,
        region: &str,
        set: ConfigurationSet,
    ) -> Result<(), WorldError> {
        self.region_mut(account, region)?.put_configuration_set(set);
        Ok(())
    }

    /// Removes a configuration set; false when there was none of that name.
    pub fn remove_configuration_set(&mut self, account: &str, region: &str, name: &str) -> Result<bool, WorldError> {
        Ok(self.region_mut(account, region)?.remove_configuration_set(name))
    }

    /// The access key from which all accounts can be reached: the first one there is.
    pub fn caller(&self) -> Option<&AccessKey> {
        self.accounts().find_map(|account| account.access_keys.first())
    }

    /// How to get into each account, for an agent's configuration.
    pub fn entrances(&self) -> Vec<Entrance> {
        self.accounts().map(Entrance::from).collect()
    }

    /// Lets everything happen that is due by now.
    pub(super) fn tell(&mut self) {
        let now = self.now();
        while let Some((at, scene)) = self.story.next(self.began, now) {
            self.happen(at, scene);
        }
    }

    fn happen(&mut self, at: SystemTime, scene: Scene) {
        let Scene { account, region, change, .. } = scene;
        match (change, self.region_mut(&account, &region)) {
            (Change::DnsBroken(fault), _) => {
                self.dns.inject(fault, at);
            }
            (Change::DnsMended(fault), _) => self.dns.mend(&fault),
            (Change::Account(patch), Ok(region)) => region.patch(&patch, at),
            (Change::Identity(identity), Ok(region)) => region.put_identity(*identity),
            (Change::IdentityStatus(name, status), Ok(region)) => region.change_status(&name, &status),
            (Change::IdentityGone(name), Ok(region)) => {
                region.remove_identity(&name);
            }
            (_, Err(_)) => {}
        }
    }

    /// What makes the numbers of this account and region their own.
    pub(super) fn key(&self, account: &str, region: &str) -> u64 {
        chance::hash(self.seed, &[account]) ^ chance::region_key(region)
    }

    fn unknown_account(&self, id: &str) -> WorldError {
        let known: Vec<&str> = self.accounts.keys().map(String::as_str).take(50).collect();
        WorldError::UnknownAccount { id: id.to_owned(), known: known.join(", ") }
    }
}

fn unknown_region(account: &Account, region: &str) -> WorldError {
    let known: Vec<&str> = account.regions.keys().map(String::as_str).collect();
    WorldError::UnknownRegion { account: account.id.clone(), region: region.to_owned(), known: known.join(", ") }
}
