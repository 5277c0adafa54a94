#![allow(non_upper_case_globals)]

use super::*;
use crate::form::{Form, Pointwise};
use crate::op::{Kind, Op};
use crate::ops::{Add, Atan2, Fmod, Hypotenuse, LogAddExp, Maximum, Minimum, Mod, Mul, Pow, StrongMul, Sub, Xlogy, TABLE};
use Operand::{Slice, Splat};

fn kernel(function: Op) -> Binary {
    match function.row().kind {
        Kind::Primitive { form: Form::Pointwise(Pointwise::Binary { kernel, .. }), .. } => kernel,
        _ => panic!("{function} is not a function of two arrays"),
    }
}

fn binary_f32(function: Op, a: Operand<f32>, b: Operand<f32>, out: &mut [f32]) {
    kernel(function).run_f32(a, b, out);
}

fn binary_f64(function: Op, a: Operand<f64>, b: Operand<f64>, out: &mut [f64]) {
    kernel(function).run_f64(a, b, out);
}

fn binary_i32(function: Op, a: Operand<i32>, b: Operand<i32>, out: &mut [i32]) {
    in_blocks(a, b, out, kernel(function).i32.unwrap());
}

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

fn f32_of(function: Op, a: f32, b: f32) -> f32 {
    let mut out = [0.0];
    binary_f32(function, Slice(&[a]), Slice(&[b]), &mut out);
    out[0]
}

fn f64_of(function: Op, a: f64, b: f64) -> f64 {
    let mut out = [0.0];
    binary_f64(function, Slice(&[a]), Slice(&[b]), &mut out);
    out[0]
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

const VALUES: [f64; 18] = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 3.0, -3.0, -2.0, 1e30, -1e30, 1e-30, 7.25, -7.25, INF, -INF, NAN];

#[test]
fn powers_are_those_of_ieee() {
    for x in VALUES {
        for p in VALUES {
            let (narrow_x, narrow_p) = (x as f32, p as f32);
            let expected = libm::pow(narrow_x as f64, narrow_p as f64) as f32;
            let got = f32_of(Pow, narrow_x, narrow_p);
            let close = same(got as f64, expected as f64) || (got - expected).abs() <= expected.abs() * 6.1e-8 && expected != 0.0;
            assert!(close, "f32 {x}^{p} = {got}, expected {expected}");
            assert!(same(f64_of(Pow, x, p), libm::pow(x, p)), "f64 {x}^{p}");
            // The short ways of constant exponents.
            let (mut short, mut short_narrow) = ([0.0], [0.0]);
            binary_f64(Pow, Slice(&[x]), Splat(p), &mut short);
            binary_f32(Pow, Slice(&[narrow_x]), Splat(narrow_p), &mut short_narrow);
            let expected_wide = libm::pow(x, p);
            let close = same(short[0], expected_wide) || (short[0] - expected_wide).abs() <= expected_wide.abs() * 3e-16;
            assert!(close, "f64 {x}^{p} = {}, expected {expected_wide}", short[0]);
            let got = short_narrow[0];
            assert!(same(got as f64, expected as f64) || (got - expected).abs() <= expected.abs() * 6.1e-8, "f32 splat {x}^{p} = {got}");
        }
    }
}

#[test]
fn powers_in_f32_are_rounded_well() {
    let mut worst = 0.0f64;
    for i in 0..20_000 {
        let (x, p) = (0.01 + i as f32 * 0.013, -8.0 + (i % 997) as f32 * 0.016);
        let exact = libm::pow(x as f64, p as f64);
        let unit = 2f64.powi(libm::ilogb(exact).max(-126) - 23);
        if exact < f32::MAX as f64 {
            worst = worst.max((f32_of(Pow, x, p) as f64 - exact).abs() / unit);
        }
    }
    assert!(worst <= 0.501, "{worst}");
}

#[test]
fn remainders_are_exact() {
    // With quarters both operands are integers after scaling by 4: i64 arithmetic is the reference.
    for i in -60..60i64 {
        for j in (-23..23i64).filter(|&j| j != 0) {
            let (a, b) = (i as f64 / 4.0, j as f64 / 4.0);
            let (fmod, modulo) = ((i % j) as f64 / 4.0, (((i % j) + j) % j) as f64 / 4.0);
            assert_eq!((f64_of(Fmod, a, b), f64_of(Mod, a, b)), (fmod, modulo), "{a} {b}");
            assert_eq!((f32_of(Fmod, a as f32, b as f32), f32_of(Mod, a as f32, b as f32)), (fmod as f32, modulo as f32), "{a} {b}");
        }
    }
    assert_eq!((f64_of(Mod, -5.5, 2.0), f64_of(Fmod, -5.5, 2.0)), (0.5, -1.5));
    // All of f32, by bits: quotients of every size.
    for i in 0..60_000u32 {
        let a = f32::from_bits(i.wrapping_mul(71_573));
        let b = f32::from_bits(i.wrapping_mul(2_654_435_761));
        assert!(same(f32_of(Fmod, a, b) as f64, libm::fmodf(a, b) as f64), "{a:e} fmod {b:e}: {:e}", f32_of(Fmod, a, b));
    }
    assert_eq!((f64_of(Mod, 5.0, -INF), f64_of(Mod, 5.0, INF)), (-INF, 5.0));
    assert!(f64_of(Mod, 1.0, 0.0).is_nan() && f32_of(Fmod, 1.0, 0.0).is_nan() && f32_of(Mod, f32::INFINITY, 2.0).is_nan());
}

#[test]
fn lengths_do_not_overflow() {
    for (x, y, expected) in [
        (3.0, 4.0, 5.0),
        (0.0, 0.0, 0.0),
        (3e307, 4e307, 5e307),
        (3e-320, 4e-320, 5e-320),
        (-INF, NAN, INF),
        (NAN, 1.0, NAN),
        (1e200, -1.0, 1e200),
    ] {
        let got = f64_of(Hypotenuse, x, y);
        assert!(same(got, expected) || (got - expected).abs() <= expected * 2.3e-16, "hypot({x}, {y}) = {got}");
    }
    assert_eq!((f32_of(Hypotenuse, 3e38, 4e37), f32_of(Hypotenuse, 3e-40, 4e-40)), (3e38f32.hypot(4e37), 3e-40f32.hypot(4e-40)));
    for i in 0..10_000 {
        let (x, y) = (1.0 + i as f64 * 0.317, 977.0 - i as f64 * 0.11);
        assert!((f64_of(Hypotenuse, x, y) / libm::hypot(x, y) - 1.0).abs() <= 4.5e-16);
    }
}

#[test]
fn angles() {
    let numbers = VALUES.iter().copied().chain([1e308, 1e-308, 5e-324, 0.41, 2.42, -0.999]);
    for y in numbers.clone() {
        for x in numbers.clone() {
            let (got, expected) = (f64_of(Atan2, y, x), libm::atan2(y, x));
            let close = same(got, expected) || (got - expected).abs() <= expected.abs() * 4.5e-16 && expected != 0.0;
            assert!(close, "atan2({y:e}, {x:e}) = {got:e}, expected {expected:e}");
            let (narrow_y, narrow_x) = (y as f32, x as f32);
            let (got, expected) = (f32_of(Atan2, narrow_y, narrow_x), libm::atan2(narrow_y as f64, narrow_x as f64) as f32);
            let close = same(got as f64, expected as f64) || (got - expected).abs() <= expected.abs() * 6.1e-8;
            assert!(close, "f32 atan2({y:e}, {x:e}) = {got:e}, expected {expected:e}");
        }
    }
}

#[test]
fn zeros_and_nans() {
    assert_eq!((f64_of(Xlogy, 0.0, 0.0), f32_of(Xlogy, 0.0, 0.0), f64_of(Xlogy, 0.0, INF)), (0.0, 0.0, 0.0));
    assert!(f64_of(Xlogy, 0.0, NAN).is_nan() && f64_of(Xlogy, 1.0, -1.0).is_nan());
    assert!((f64_of(Xlogy, 3.0, 2.0) - 3.0 * 2f64.ln()).abs() < 1e-15);
    for (a, b) in [(NAN, 1.0), (1.0, NAN)] {
        for function in [Maximum, Minimum] {
            assert!(f64_of(function, a, b).is_nan() && f32_of(function, a as f32, b as f32).is_nan());
        }
    }
    assert!(f64_of(Minimum, 0.0, -0.0).is_sign_negative() && f64_of(Maximum, -0.0, 0.0).is_sign_positive());
    for (zero, other) in [(0.0, INF), (-0.0, NAN), (0.0, -INF), (0.0, 3.0)] {
        assert_eq!((f64_of(StrongMul, zero, other), f64_of(StrongMul, other, zero)), (0.0, 0.0), "{zero} with {other}");
    }
    assert_eq!((f64_of(StrongMul, 2.0, INF), f64_of(StrongMul, -INF, 2.0)), (INF, -INF));
    assert!(f32_of(StrongMul, 1.0, f32::NAN).is_nan());
}

/// A number is the array that repeats it, for every function, length and side.
#[test]
fn numbers_are_repeated() {
    let has_kernel = |op: &Op| matches!(op.row().kind, Kind::Primitive { form: Form::Pointwise(Pointwise::Binary { .. }), .. });
    let functions: Vec<Op> = (0..TABLE.len()).map(|number| Op(number as u16)).filter(has_kernel).collect();
    assert!(functions.contains(&LogAddExp) && functions.contains(&Sub));
    for length in [0, 1, 3, 4, 127, 128, 129, 300] {
        let a: Vec<f64> = (0..length).map(|i| 0.3 + i as f64 * 0.7).collect();
        let narrow: Vec<f32> = a.iter().map(|&v| v as f32).collect();
        let whole: Vec<i32> = (0..length as i32).map(|i| i * 7 - 20).collect();
        for &function in &functions {
            let (mut with, mut without) = (vec![0.0; length], vec![0.0; length]);
            binary_f64(function, Slice(&a), Splat(1.7), &mut with);
            binary_f64(function, Slice(&a), Slice(&vec![1.7; length]), &mut without);
            assert_eq!(with, without, "{function}");
            binary_f64(function, Splat(1.7), Slice(&a), &mut with);
            binary_f64(function, Slice(&vec![1.7; length]), Slice(&a), &mut without);
            assert_eq!(with, without, "{function}");
            binary_f64(function, Splat(1.7), Splat(2.25), &mut with);
            assert!(with.iter().all(|&v| v == f64_of(function, 1.7, 2.25)), "{function}");
            let (mut with, mut without) = (vec![0.0; length], vec![0.0; length]);
            binary_f32(function, Slice(&narrow), Splat(-1.7), &mut with);
            binary_f32(function, Slice(&narrow), Slice(&vec![-1.7; length]), &mut without);
            assert!(with.iter().zip(&without).all(|(a, b)| same(*a as f64, *b as f64)), "{function}");
            if kernel(function).i32.is_some() {
                let (mut with, mut without) = (vec![0; length], vec![0; length]);
                binary_i32(function, Slice(&whole), Splat(5), &mut with);
                binary_i32(function, Slice(&whole), Slice(&vec![5; length]), &mut without);
                assert_eq!(with, without, "{function}");
            }
        }
    }
}

#[test]
fn integers_wrap() {
    let of = |function, a: i32, b: i32| {
        let mut out = [0];
        binary_i32(function, Slice(&[a]), Splat(b), &mut out);
        out[0]
    };
    assert_eq!((of(Add, i32::MAX, 1), of(Sub, i32::MIN, 1), of(Mul, 1 << 20, 1 << 13)), (i32::MIN, i32::MAX, 0));
    assert_eq!((of(Mod, -7, 3), of(Mod, 7, -3), of(Mod, i32::MIN, -1), of(Fmod, -7, 3)), (2, -2, 0, -1));
    assert_eq!(
        (of(Pow, 3, 4), of(Pow, 2, 31), of(Pow, 0, 0), of(Pow, 2, -1), of(Pow, -1, -3), of(Pow, -1, -2)),
        (81, i32::MIN, 1, 0, -1, 1)
    );
    assert_eq!((of(Maximum, -3, 2), of(Minimum, -3, 2)), (2, -3));
}

#[test]
fn selection() {
    for length in [1, 5, 130] {
        let mask: Vec<u8> = (0..length).map(|i| (i % 3 == 0) as u8 * (1 + (i % 2) as u8)).collect();
        let a: Vec<f32> = (0..length).map(|i| i as f32).collect();
        let mut out = vec![0.0; length];
        select_f32(Slice(&mask), Slice(&a), Splat(-1.0), &mut out);
        assert!((0..length).all(|i| out[i] == if i % 3 == 0 { i as f32 } else { -1.0 }));
        select_f32(Slice(&mask), Splat(f32::NAN), Slice(&a), &mut out);
        assert!((0..length).all(|i| if i % 3 == 0 { out[i].is_nan() } else { out[i] == i as f32 }));
        select_f32(Splat(0), Splat(f32::NAN), Slice(&a), &mut out);
        assert_eq!(out, a);
        let mut bytes = vec![9; length];
        select_u8(Slice(&mask), Slice(&mask), Splat(0), &mut bytes);
        assert_eq!(bytes, mask);
        let (mut wide, mut whole) = (vec![0.0; length], vec![0; length]);
        select_f64(Splat(1), Splat(2.5), Splat(1.5), &mut wide);
        select_i32(Slice(&mask), Splat(i32::MIN), Splat(i32::MAX), &mut whole);
        assert!(wide.iter().all(|&v| v == 2.5));
        assert!((0..length).all(|i| whole[i] == if i % 3 == 0 { i32::MIN } else { i32::MAX }));
    }
}

#[test]
fn accumulation() {
    let x: Vec<f32> = (0..11).map(|i| i as f32).collect();
    let mut out = vec![0.5f32; 11];
    accumulate_f32(&x, &mut out);
    assert!((0..11).all(|i| out[i] == 0.5 + i as f32));
    let x: Vec<f64> = (0..11).map(|i| i as f64).collect();
    let mut out = vec![0.5f64; 11];
    accumulate_f64(&x, &mut out);
    assert!((0..11).all(|i| out[i] == 0.5 + i as f64));
}
