//! Repeatable chance: numbers that look random and follow from their inputs alone.
//!
//! It is no cryptography and no source of entropy: the same world tells the same story on every machine.

/// One number from a seed and a few words (FNV-1a, then the finisher of SplitMix64).
pub(super) fn hash(seed: u64, words: &[&str]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ finish(seed);
    for word in words {
        for byte in word.bytes().chain([0]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    finish(state)
}

/// The part of a region in the keys of all accounts: `key of the account ^ region_key`. So the key of one region leads to the key of
/// another region of the same account, which is what replicas of DKIM keys need.
pub(super) fn region_key(region: &str) -> u64 {
    hash(0, &["region", region])
}

/// One number from two.
pub(super) fn mix(key: u64, index: u64) -> u64 {
    finish(key ^ finish(index))
}

/// A share in 0..1 from a number.
pub(super) fn share(number: u64) -> f64 {
    // 32 bits are plenty for a share, and convert to f64 without loss.
    f64::from(u32::try_from(number >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
}

/// `length` characters of a to z and 0 to 9 from a number, the look of a DKIM token.
pub(super) fn token(key: u64, length: usize) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = key;
    (0..length)
        .map(|_| {
            state = finish(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
            let at = usize::try_from(state % 36).unwrap_or(0);
            char::from(LETTERS.get(at).copied().unwrap_or(b'a'))
        })
        .collect()
}

fn finish(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_input_gives_the_same_number() {
        assert_eq!(hash(1, &["a", "b"]), hash(1, &["a", "b"]));
        assert_ne!(hash(1, &["a", "b"]), hash(1, &["ab", ""]));
        assert_ne!(hash(1, &["a"]), hash(2, &["a"]));
    }

    #[test]
    fn shares_are_spread_over_the_unit_interval() {
        let sum: f64 = (0..1_000).map(|index| share(mix(7, index))).sum();
        assert!((450.0..550.0).contains(&sum), "mean of {sum} / 1000");
    }

    #[test]
    fn tokens_have_the_length_asked_for() {
        assert_eq!(token(5, 32).len(), 32);
        assert_ne!(token(5, 32), token(6, 32));
    }
}
