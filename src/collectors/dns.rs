//! DNS records of domain identities: which there should be, and what is wrong with those that are there.

pub mod content;
pub mod judge;
pub mod memory;
pub mod records;
pub mod shown;
pub mod verdict;
