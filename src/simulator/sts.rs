//! The operations of AWS STS that an agent needs: who am I, and let me act as that role.
//!
//! A role is handed out when its trust policy names the caller's account and the external id, if it demands one, is right; whether the
//! caller's own policy allows AssumeRole is not simulated (inject `Trouble::Deny` on AssumeRole instead). STS has no rate limit here.

use std::time::Duration;

use super::answer::{Answer, Refusal, element};
use super::call::Call;
use super::chance;
use super::clock::iso_time;
use super::journal::Service;
use super::world::{Session, World};

/// The operations.
pub(super) use super::trouble::STS_OPERATIONS as OPERATIONS;

/// "The default is one hour" (AssumeRole, DurationSeconds: 900 to 43,200).
const DEFAULT_LIFETIME: u64 = 3600;

/// Who makes a request.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) account: String,
    pub(super) arn: String,
    pub(super) user_id: String,
}

/// Finds out who makes a request. The account is told even when the key has expired.
pub(super) fn identify(world: &World, call: &Call) -> (String, Result<Caller, Refusal>) {
    let Some(credential) = &call.credential else { return (String::new(), Err(Refusal::MissingToken)) };
    if let Some(session) = world.sessions.get(&credential.key) {
        let caller = if call.token.as_ref() != Some(&session.token) {
            Err(Refusal::InvalidToken)
        } else if world.clock.wall() >= session.expires {
            Err(Refusal::ExpiredToken)
        } else {
            Ok(assumed(session))
        };
        return (session.account.clone(), caller);
    }
    let holder = world.accounts().find(|account| account.access_keys.iter().any(|key| key.id == credential.key));
    let Some(account) = holder else { return (String::new(), Err(Refusal::InvalidToken)) };
    let caller = Caller {
        account: account.id.clone(),
        arn: format!("arn:aws:iam::{}:user/ses-exporter", account.id),
        user_id: unique_id("AIDA", &account.id),
    };
    (account.id.clone(), Ok(caller))
}

/// Answers one operation.
pub(super) fn answer(
    operation: &str,
    call: &Call,
    caller: &Caller,
    world: &mut World,
    request_id: &str,
) -> Result<Answer, Refusal> {
    let inner = match operation {
        "GetCallerIdentity" => {
            element("Arn", &caller.arn) + &element("UserId", &caller.user_id) + &element("Account", &caller.account)
        }
        "AssumeRole" => assume_role(call, caller, world)?,
        other => return Err(Refusal::UnknownOperation(other.to_owned())),
    };
    Ok(Answer::result(Service::Sts, operation, &inner, request_id))
}

/// The account in `arn:aws:iam::222222222222:role/ses-exporter`.
pub(super) fn account_in(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}

fn assume_role(call: &Call, caller: &Caller, world: &mut World) -> Result<String, Refusal> {
    let missing = |name: &str| {
        Refusal::Invalid(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
        ))
    };
    let arn = call.text("RoleArn").ok_or_else(|| missing("roleArn"))?;
    let name = call.text("RoleSessionName").ok_or_else(|| missing("roleSessionName"))?;
    let lifetime = lifetime(call, world)?;
    let denied = || {
        Refusal::Denied(format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}", caller.arn))
    };
    let account = account_in(arn).and_then(|id| world.account(id).ok()).ok_or_else(denied)?;
    let role = account.roles.iter().find(|role| role.arn(&account.id) == arn).ok_or_else(denied)?;
    let external_id = role.external_id.as_deref();
    if !role.trusts.contains(&caller.account) || (external_id.is_some() && external_id != call.text("ExternalId")) {
        return Err(denied());
    }
    let session = Session {
        account: account.id.clone(),
        role: role.name.clone(),
        name: name.to_owned(),
        token: chance::token(fastrand::u64(..), 200),
        expires: world.clock.wall() + lifetime,
    };
    Ok(hand_out(world, session))
}

/// Remembers a session under a new key, and writes the answer.
fn hand_out(world: &mut World, session: Session) -> String {
    let key = format!("ASIA{}", chance::token(fastrand::u64(..), 16).to_uppercase());
    let credentials = element("AccessKeyId", &key)
        + &element("SecretAccessKey", &chance::token(fastrand::u64(..), 40))
        + &element("SessionToken", &session.token)
        + &element("Expiration", &iso_time(session.expires));
    let caller = assumed(&session);
    let user = element("Arn", &caller.arn) + &element("AssumedRoleId", &caller.user_id);
    // Expired keys are remembered for a day, to be refused as expired and not as unknown.
    let forgotten = world.clock.wall() - Duration::from_hours(24);
    world.sessions.retain(|_, session| session.expires > forgotten);
    world.sessions.insert(key, session);
    format!("<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>")
}

fn lifetime(call: &Call, world: &World) -> Result<Duration, Refusal> {
    let asked = match call.number("DurationSeconds") {
        Ok(asked) => asked.unwrap_or(DEFAULT_LIFETIME),
        Err(()) => 0,
    };
    if !(900..=43_200).contains(&asked) {
        return Err(Refusal::Invalid("DurationSeconds must be a number from 900 to 43200.".to_owned()));
    }
    Ok(world.session_lifetime.unwrap_or(Duration::from_secs(asked)))
}

fn assumed(session: &Session) -> Caller {
    let Session { account, role, name, .. } = session;
    Caller {
        account: account.clone(),
        arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{name}"),
        user_id: format!("{}:{name}", unique_id("AROA", &format!("{account}/{role}"))),
    }
}

fn unique_id(prefix: &str, of: &str) -> String {
    format!("{prefix}{}", chance::token(chance::hash(0, &[of]), 17).to_uppercase())
}
