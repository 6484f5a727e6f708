//! The account's suppression list: one address at a time.
//!
//! In the sandbox AWS switches these calls off; how it refuses them is not documented, and here they work.

use super::super::address::Address;
use super::super::answer::Refusal;
use super::super::region::Suppressed;
use super::Write;

/// PutSuppressedDestination.
pub(super) fn put(write: &mut Write<'_>) -> Result<(), Refusal> {
    let (address, reason) = (write.required("EmailAddress")?, write.required("Reason")?);
    if !["BOUNCE", "COMPLAINT"].contains(&reason.as_str()) {
        return Err(Refusal::Invalid("Reason must be BOUNCE or COMPLAINT.".to_owned()));
    }
    let address = Address::parse(&address).map_err(|why| Refusal::Invalid(why.to_owned()))?.plain();
    let since = write.world.now();
    write.region()?.suppress(Suppressed { address, reason, since });
    Ok(())
}

/// DeleteSuppressedDestination.
pub(super) fn delete(write: &mut Write<'_>) -> Result<(), Refusal> {
    let address = write.required("EmailAddress")?;
    if write.region()?.unsuppress(&address) { Ok(()) } else { Err(not_listed(&address)) }
}

/// The refusal for an address that is not on the list.
pub(in crate::simulator) fn not_listed(address: &str) -> Refusal {
    Refusal::NotFound(format!("Email address {address} does not exist on your suppression list."))
}
