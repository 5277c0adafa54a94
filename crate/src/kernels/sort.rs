//! Stable argsort: numbers become unsigned keys in the same order, keys are sorted with their positions.

use super::number::Number;
use std::collections::TryReserveError;

/// Shorter rows are sorted by comparison, longer ones by radix.
const RADIX_FROM: usize = 256;
/// Bits per radix pass: 2048 counters stay in the first-level cache.
const DIGIT: u32 = 11;
const BINS: usize = 1 << DIGIT;

/// A number with an unsigned key in the same order.
pub trait Sortable: Number {
    type Key: Key;
    /// All NaN compare equal and above everything else; -0 equals 0.
    fn key(self) -> Self::Key;
}

/// u32 and u64.
pub trait Key: Copy + Ord + Default {
    const BITS: u32;
    fn reversed(self) -> Self;
    fn digit(self, pass: u32) -> usize;
}

macro_rules! key {
    ($type:ty) => {
        impl Key for $type {
            const BITS: u32 = <$type>::BITS;
            #[inline(always)]
            fn reversed(self) -> Self {
                !self
            }
            #[inline(always)]
            fn digit(self, pass: u32) -> usize {
                (self >> (pass * DIGIT)) as usize & (BINS - 1)
            }
        }
    };
}

key!(u32);
key!(u64);

macro_rules! float_key {
    ($type:ty, $key:ty) => {
        impl Sortable for $type {
            type Key = $key;
            #[inline(always)]
            fn key(self) -> $key {
                const SIGN: $key = 1 << (<$key>::BITS - 1);
                if self.is_nan() {
                    return <$key>::MAX;
                }
                // Adding 0 turns -0 into 0. Negative numbers order against their bits.
                let bits = (self + 0.0).to_bits();
                if bits & SIGN != 0 {
                    !bits
                } else {
                    bits | SIGN
                }
            }
        }
    };
}

float_key!(f32, u32);
float_key!(f64, u64);

impl Sortable for i32 {
    type Key = u32;
    fn key(self) -> u32 {
        self as u32 ^ (1 << 31)
    }
}

impl Sortable for u8 {
    type Key = u32;
    fn key(self) -> u32 {
        self as u32
    }
}

/// out[o, k, i] is the position of the k-th element of column [o, .., i] in order. Equal elements keep their order, also
/// in descending sorts. NaN counts as the largest value: last when ascending, first when descending. Fails only when the
/// workspace (up to 32 bytes an element of one column) cannot be had.
pub fn argsort<T: Sortable>(
    x: &[T],
    outer: usize,
    r: usize,
    inner: usize,
    descending: bool,
    out: &mut [i32],
) -> Result<(), TryReserveError> {
    debug_assert!(x.len() == outer * r * inner && out.len() == x.len());
    if x.is_empty() {
        return Ok(());
    }
    let mut pairs: Vec<(T::Key, u32)> = Vec::new();
    let mut other: Vec<(T::Key, u32)> = Vec::new();
    let mut counts: Vec<u32> = Vec::new();
    pairs.try_reserve_exact(r)?;
    if r >= RADIX_FROM {
        other.try_reserve_exact(r)?;
        other.resize(r, (T::Key::default(), 0));
        counts.try_reserve_exact(BINS * T::Key::BITS.div_ceil(DIGIT) as usize)?;
        counts.resize(counts.capacity(), 0);
    }
    for column in 0..outer * inner {
        let start = column / inner * r * inner + column % inner;
        let keys = x[start..].iter().step_by(inner).take(r).map(|v| v.key());
        pairs.clear();
        if descending {
            pairs.extend(keys.map(|k| k.reversed()).zip(0..));
        } else {
            pairs.extend(keys.zip(0..));
        }
        if r >= RADIX_FROM {
            radix(&mut pairs, &mut other, &mut counts);
        } else {
            // Positions break ties, so no two pairs are equal and an unstable sort in place will do.
            pairs.sort_unstable();
        }
        for (out, pair) in out[start..].iter_mut().step_by(inner).zip(&pairs) {
            *out = pair.1 as i32;
        }
    }
    Ok(())
}

/// Least significant digit first; each pass is stable. Passes in which all keys share the digit are skipped.
fn radix<K: Key>(pairs: &mut Vec<(K, u32)>, other: &mut Vec<(K, u32)>, counts: &mut [u32]) {
    let passes = K::BITS.div_ceil(DIGIT);
    counts.fill(0);
    for &(key, _) in pairs.iter() {
        for pass in 0..passes {
            counts[pass as usize * BINS + key.digit(pass)] += 1;
        }
    }
    for pass in 0..passes {
        let counts = &mut counts[pass as usize * BINS..][..BINS];
        if counts[pairs[0].0.digit(pass)] as usize == pairs.len() {
            continue;
        }
        let mut next = 0;
        for count in counts.iter_mut() {
            next += std::mem::replace(count, next);
        }
        for &pair in pairs.iter() {
            let place = &mut counts[pair.0.digit(pass)];
            other[*place as usize] = pair;
            *place += 1;
        }
        std::mem::swap(pairs, other);
    }
}

/// For each of the rows' m values: how many of the row's n sorted numbers are smaller, with `right` not larger. NaN is the largest.
pub fn search<T: Sortable>(sorted: &[T], n: usize, values: &[T], m: usize, right: bool, out: &mut [i32]) {
    for i in 0..values.len() {
        let row = &sorted[i / m * n..][..n];
        let key = values[i].key();
        out[i] = row.partition_point(|v| if right { v.key() <= key } else { v.key() < key }) as i32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering;

    fn compare<T: PartialOrd>(a: &T, b: &T) -> Ordering {
        // Only NaN is not equal to itself.
        a.partial_cmp(b).unwrap_or_else(|| (a.partial_cmp(a).is_none()).cmp(&b.partial_cmp(b).is_none()))
    }

    fn check<T: Sortable>(x: &[T], outer: usize, r: usize, inner: usize) {
        for descending in [false, true] {
            let mut out = vec![-7; x.len()];
            argsort(x, outer, r, inner, descending, &mut out).unwrap();
            for column in 0..outer * inner {
                let at = |k: usize| (column / inner * r + k) * inner + column % inner;
                let mut expected: Vec<usize> = (0..r).collect();
                expected.sort_by(|&a, &b| {
                    let order = compare(&x[at(a)], &x[at(b)]);
                    if descending {
                        order.reverse()
                    } else {
                        order
                    }
                });
                for (k, &e) in expected.iter().enumerate() {
                    assert_eq!(out[at(k)], e as i32, "{outer} {r} {inner} {descending}");
                }
            }
        }
    }

    #[test]
    fn all_types_shapes_and_ties() {
        for r in [0, 1, 2, 3, 20, 21, 255, 256, 257, 1000] {
            for inner in [0, 1, 3] {
                for outer in [0, 1, 2] {
                    let n = outer * r * inner;
                    let hash = |i: usize| (i as u32).wrapping_mul(0x9e37_79b9) ^ 0x55aa;
                    let ties: Vec<f32> = (0..n).map(|i| (hash(i) % 17) as f32 - 8.0).collect();
                    check(&ties, outer, r, inner);
                    let wide: Vec<f64> = (0..n).map(|i| if i % 11 == 3 { f64::NAN } else { (hash(i) as f64 - 2e9) * 1e-3 }).collect();
                    check(&wide, outer, r, inner);
                    check(&(0..n).map(|i| hash(i) as i32).collect::<Vec<_>>(), outer, r, inner);
                    check(&(0..n).map(|i| (hash(i) % 2) as u8).collect::<Vec<_>>(), outer, r, inner);
                }
            }
        }
    }

    #[test]
    fn special_values_have_their_places() {
        let x = [f32::NAN, 1.0, f32::NEG_INFINITY, -0.0, 0.0, f32::INFINITY, -f32::NAN, -1e-45, 1e-45];
        let mut out = [0; 9];
        argsort(&x, 1, 9, 1, false, &mut out).unwrap();
        assert_eq!(out, [2, 7, 3, 4, 8, 1, 5, 0, 6]);
        argsort(&x, 1, 9, 1, true, &mut out).unwrap();
        assert_eq!(out, [0, 6, 5, 1, 8, 3, 4, 7, 2]);
        let extremes = [i32::MAX, i32::MIN, 0, -1];
        let mut out = [0; 4];
        argsort(&extremes, 1, 4, 1, false, &mut out).unwrap();
        assert_eq!(out, [1, 3, 2, 0]);
    }
}
