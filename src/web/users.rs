//! Who may come in: names and passwords of HTTP's Basic scheme against bcrypt hashes.
//!
//! A hash costs tens of milliseconds by design, so a flood of guesses must not become a flood of hashes: one at a time is
//! worked out, few may wait, the rest is told 429. A password that has proven right once is known by a keyed hash from
//! then on, and waits for nobody. Never a password, and never a name, in a log.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::HeaderValue;
use sha2::Sha256;
use tokio::sync::Semaphore;

use super::connections::Origin;

/// bcrypt looks at no more of a password; what follows would be of no account.
const LONGEST_PASSWORD: usize = 72;

/// Guesses that wait for their turn, of everybody: at 70 ms each (cost 10) the last one waits 2 s.
const WAITING: usize = 32;

/// Guesses that wait for their turn, of one address, so that a flood from one place leaves the queue to the others.
const WAITING_PER_ORIGIN: usize = 2;

/// A name and a password as a client sent them.
struct Claim {
    name: String,
    password: Vec<u8>,
}

/// What is made of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is right.
    Known,
    /// It is wrong, or there is none.
    Unknown,
    /// It can't be checked now: too many are waiting.
    Busy,
}

/// Length of the key: the block of SHA-256, so that HMAC takes it as it is.
pub(super) const KEY_BYTES: usize = 64;

/// The users of one web configuration.
pub(super) struct Users {
    hashes: BTreeMap<String, String>,
    /// Of each user the keyed hash of what proved right.
    proven: Mutex<HashMap<String, Vec<u8>>>,
    key: Hmac<Sha256>,
    turns: Arc<Turns>,
}

impl Users {
    /// `key` is random and of this process alone; `turns` outlives changes of the users.
    pub(super) fn new(hashes: BTreeMap<String, String>, key: [u8; KEY_BYTES], turns: Arc<Turns>) -> Users {
        Users { hashes, proven: Mutex::default(), key: Hmac::new(&key.into()), turns }
    }

    pub(super) fn hashes(&self) -> &BTreeMap<String, String> {
        &self.hashes
    }

    /// Judges the `Authorization` of a request from `origin`.
    ///
    /// An unknown name costs what a known one does: it is held against the hash of a user, and found wrong whatever
    /// comes out. Which user is a matter of the name, so that asking twice tells no more than asking once.
    pub(super) async fn judge(&self, authorization: Option<&HeaderValue>, origin: Origin) -> Verdict {
        let Some(claim) = authorization.and_then(claimed) else { return Verdict::Unknown };
        if claim.password.len() > LONGEST_PASSWORD {
            return Verdict::Unknown;
        }
        let (hash, known) = match self.hashes.get(&claim.name) {
            Some(hash) => (hash.as_str(), true),
            None => (self.decoy(&claim.name), false),
        };
        let seal = self.seal(&claim, hash);
        if self.is_proven(&claim.name, &seal) {
            return Verdict::Known;
        }
        let Some(place) = Turns::wait(&self.turns, origin) else { return Verdict::Busy };
        let Ok(turn) = Arc::clone(&self.turns.one).acquire_owned().await else { return Verdict::Busy };
        // Somebody with the same password may have been before.
        if self.is_proven(&claim.name, &seal) {
            return Verdict::Known;
        }
        let (password, hash, fits) = (claim.password, hash.to_owned(), Arc::clone(&self.turns.fits));
        let right = tokio::task::spawn_blocking(move || {
            let right = fits(&password, &hash);
            // Here and not outside: a client that hangs up ends the waiting, and not the work.
            drop((turn, place));
            right
        });
        if !(right.await.unwrap_or(false) & known) {
            return Verdict::Unknown;
        }
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.insert(claim.name, seal.finalize().into_bytes().to_vec());
        Verdict::Known
    }

    fn is_proven(&self, name: &str, seal: &Hmac<Sha256>) -> bool {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        // This comparison takes the same time wherever the difference is.
        proven.get(name).is_some_and(|tag| seal.clone().verify_slice(tag).is_ok())
    }

    /// What proves a claim against a hash, made so that it fits no other three texts.
    fn seal(&self, claim: &Claim, hash: &str) -> Hmac<Sha256> {
        let mut seal = self.key.clone();
        for part in [claim.name.as_bytes(), hash.as_bytes(), &claim.password] {
            seal.update(&part.len().to_le_bytes());
            seal.update(part);
        }
        seal
    }

    /// The hash to hold the password of an unknown user against.
    fn decoy(&self, name: &str) -> &str {
        let mut lot = self.key.clone();
        lot.update(name.as_bytes());
        let lot = lot.finalize().into_bytes();
        let lot = lot.iter().fold(0_usize, |all, byte| all.rotate_left(8) ^ usize::from(*byte));
        let nth = lot.checked_rem(self.hashes.len()).unwrap_or_default();
        self.hashes.values().nth(nth).map_or("", String::as_str)
    }
}

/// Name and password out of `Basic BASE64`.
fn claimed(authorization: &HeaderValue) -> Option<Claim> {
    let (scheme, encoded) = authorization.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let mut name = BASE64_STANDARD.decode(encoded).ok()?;
    let colon = name.iter().position(|byte| *byte == b':')?;
    let password = name.split_off(colon).split_off(1);
    Some(Claim { name: String::from_utf8(name).ok()?, password })
}

/// Whether a password fits a hash: the work of which there is one at a time.
type Fits = dyn Fn(&[u8], &str) -> bool + Send + Sync;

/// Who may have a hash worked out next.
pub(super) struct Turns {
    one: Arc<Semaphore>,
    waiting: Mutex<HashMap<Origin, usize>>,
    /// bcrypt; tests count how often it is asked, and for what.
    fits: Arc<Fits>,
}

/// A place in the queue. Dropping it frees the place.
struct Place {
    origin: Origin,
    turns: Arc<Turns>,
}

impl Default for Turns {
    fn default() -> Turns {
        let fits = |password: &[u8], hash: &str| bcrypt::verify(password, hash).unwrap_or(false);
        Turns { one: Arc::new(Semaphore::new(1)), waiting: Mutex::default(), fits: Arc::new(fits) }
    }
}

impl Turns {
    fn wait(turns: &Arc<Turns>, origin: Origin) -> Option<Place> {
        let mut waiting = turns.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = waiting.values().sum();
        let own = waiting.get(&origin).copied().unwrap_or_default();
        if all >= WAITING || own >= WAITING_PER_ORIGIN {
            return None;
        }
        waiting.insert(origin, own + 1);
        Some(Place { origin, turns: Arc::clone(turns) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.turns.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = waiting.get_mut(&self.origin) {
            *own -= 1;
            if *own == 0 {
                waiting.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    /// "open sesame", of the lowest cost.
    fn hash_of(password: &str) -> String {
        bcrypt::hash(password, 4).unwrap()
    }

    fn users(all: &[(&str, String)]) -> Users {
        let hashes = all.iter().map(|(name, hash)| ((*name).to_owned(), hash.clone())).collect();
        Users::new(hashes, [7; KEY_BYTES], Arc::default())
    }

    fn basic(name: &str, password: &str) -> HeaderValue {
        HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))).unwrap()
    }

    fn from(last: u8) -> Origin {
        IpAddr::from(Ipv4Addr::new(192, 0, 2, last)).into()
    }

    async fn said(users: &Users, name: &str, password: &str) -> Verdict {
        users.judge(Some(&basic(name, password)), from(1)).await
    }

    #[tokio::test]
    async fn right_wrong_and_none() {
        let users = users(&[("ann", hash_of("a:b ü")), ("bob", hash_of("bob's"))]);
        for _ in 0..2 {
            assert_eq!(said(&users, "ann", "a:b ü").await, Verdict::Known, "a password may hold colons");
            assert_eq!(said(&users, "bob", "bob's").await, Verdict::Known);
            for (name, password) in [("ann", "bob's"), ("bob", "a:b ü"), ("ann", ""), ("", "bob's"), ("Ann", "a:b ü")]
            {
                assert_eq!(said(&users, name, password).await, Verdict::Unknown, "{name} {password}");
            }
        }
        assert_eq!(users.proven.lock().unwrap().len(), 2, "only what is right is remembered");
        assert_eq!(users.judge(None, from(1)).await, Verdict::Unknown);
        for header in ["Basic", "Basic !", "Bearer YW5uOmE=", "Basic YW5u", "", "Basic YW5uOmE", "Basic  YW5uOmE="] {
            assert_eq!(users.judge(Some(&header.parse().unwrap()), from(1)).await, Verdict::Unknown, "{header}");
        }
        let lower = basic("bob", "bob's").to_str().unwrap().replace("Basic", "basic");
        assert_eq!(users.judge(Some(&lower.parse().unwrap()), from(1)).await, Verdict::Known);
    }

    /// CVE-2022-46146: whoever knew the hashes could prepare the cache so that a made-up password was taken.
    #[tokio::test]
    async fn knowing_the_hash_gives_no_entry() {
        let hash = hash_of("secret");
        let users = users(&[("ann", hash.clone())]);
        assert_eq!(said(&users, "ann", "secret").await, Verdict::Known);
        // The key of that cache was user, hash and password, put together without lengths.
        for (name, password) in
            [("ann", hash.clone()), (&*format!("ann{hash}"), "secret".to_owned()), ("annsecret", hash)]
        {
            assert_eq!(said(&users, name, &password).await, Verdict::Unknown, "{name}");
            assert_eq!(said(&users, name, &password).await, Verdict::Unknown, "{name} again");
        }
        assert_eq!(said(&users, "fake", "fakepassword").await, Verdict::Unknown);
    }

    /// The decoy is the hash of a user, so its right password must not let strangers in.
    #[tokio::test]
    async fn a_stranger_with_the_password_of_the_decoy_stays_outside() {
        let users = users(&[("ann", hash_of("secret"))]);
        assert_eq!(users.decoy("eve"), users.hashes["ann"]);
        for _ in 0..2 {
            assert_eq!(said(&users, "eve", "secret").await, Verdict::Unknown);
        }
    }

    #[tokio::test]
    async fn what_bcrypt_would_cut_off_is_refused() {
        let long = "x".repeat(72);
        let users = users(&[("ann", hash_of(&long))]);
        assert_eq!(said(&users, "ann", &long).await, Verdict::Known);
        assert_eq!(said(&users, "ann", &format!("{long}y")).await, Verdict::Unknown);
        assert_eq!(said(&users, "ann", &"x".repeat(100_000)).await, Verdict::Unknown);
    }

    /// What a bcrypt that counts has seen.
    #[derive(Default)]
    struct Work {
        at_once: usize,
        most_at_once: usize,
        /// The hashes that passwords were held against, in turn.
        hashes: Vec<String>,
    }

    /// These users with a bcrypt that counts.
    fn counted(all: &[(&str, String)]) -> (Arc<Users>, Arc<Mutex<Work>>) {
        let (users, work) = (users(all), Arc::new(Mutex::new(Work::default())));
        let seen = Arc::clone(&work);
        let fits = move |password: &[u8], hash: &str| {
            {
                let mut work = seen.lock().unwrap();
                work.at_once += 1;
                work.most_at_once = work.most_at_once.max(work.at_once);
                work.hashes.push(hash.to_owned());
            }
            let fits = bcrypt::verify(password, hash).unwrap();
            seen.lock().unwrap().at_once -= 1;
            fits
        };
        let turns = Arc::new(Turns { fits: Arc::new(fits), ..Turns::default() });
        (Arc::new(Users { turns, ..users }), work)
    }

    /// Whatever comes at once, from wherever, one hash is worked out at a time.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn one_hash_is_worked_out_at_a_time() {
        let (users, work) = counted(&[("ann", hash_of("secret")), ("bob", hash_of("bob's"))]);
        let mut guesses = tokio::task::JoinSet::new();
        for guess in 0..50_u8 {
            let (users, name) = (Arc::clone(&users), ["ann", "bob", "eve"][usize::from(guess) % 3]);
            let claim = basic(name, &format!("guess {guess}"));
            guesses.spawn(async move { users.judge(Some(&claim), from(guess % 25)).await });
        }
        let verdicts = guesses.join_all().await;
        let checked = verdicts.iter().filter(|verdict| **verdict == Verdict::Unknown).count();
        let work = work.lock().unwrap();
        assert!(!verdicts.contains(&Verdict::Known) && checked > 0, "{verdicts:?}");
        assert_eq!((work.hashes.len(), work.most_at_once), (checked, 1));
    }

    /// The time tells no names, because the work is the same. Counted, since a busy machine blurs times.
    #[tokio::test]
    async fn an_unknown_user_costs_one_hash_of_the_same_cost() {
        let (users, work) = counted(&[("ann", hash_of("secret")), ("bob", hash_of("bob's"))]);
        let costs = || {
            let hashes = std::mem::take(&mut work.lock().unwrap().hashes);
            hashes.iter().map(|hash| hash.split('$').nth(2).unwrap().to_owned()).collect::<Vec<_>>()
        };
        for name in ["ann", "bob", "eve", "", "Ann", "ann ", "\u{0}"] {
            for guess in ["wrong", ""] {
                assert_eq!(said(&users, name, guess).await, Verdict::Unknown, "{name:?}");
                assert_eq!(costs(), ["04"], "{name:?} {guess:?}");
            }
        }
        assert_eq!(said(&users, "ann", "secret").await, Verdict::Known);
        assert_eq!(costs(), ["04"], "a right password costs what a wrong one does");
        assert_eq!(said(&users, "ann", "secret").await, Verdict::Known);
        assert!(costs().is_empty(), "and nothing once it is proven");
    }

    #[tokio::test]
    async fn few_wait_and_what_is_proven_does_not() {
        let users = Arc::new(users(&[("ann", hash_of("secret"))]));
        assert_eq!(said(&users, "ann", "secret").await, Verdict::Known);
        let turn = Arc::clone(&users.turns.one).acquire_owned().await.unwrap();
        let mut guesses = tokio::task::JoinSet::new();
        let mut busy = 0;
        for address in 0..20 {
            for _ in 0..=WAITING_PER_ORIGIN {
                let users = Arc::clone(&users);
                guesses.spawn(async move { users.judge(Some(&basic("ann", "guess")), from(address)).await });
            }
        }
        // Nobody can get a turn, so whoever has ended has been refused.
        while busy < 20 * (WAITING_PER_ORIGIN + 1) - WAITING {
            assert_eq!(guesses.join_next().await.unwrap().unwrap(), Verdict::Busy);
            busy += 1;
        }
        assert_eq!(said(&users, "ann", "secret").await, Verdict::Known, "as fast as ever");
        drop(turn);
        assert!(guesses.join_all().await.iter().all(|verdict| *verdict == Verdict::Unknown));
        assert!(users.turns.waiting.lock().unwrap().is_empty());
        assert_eq!(said(&users, "ann", "guess").await, Verdict::Unknown, "there is room again");
    }
}
