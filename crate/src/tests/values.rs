//! The slot map: ids, generations, references, and variables with their copies.

use crate::dtype::DType;
use crate::memory::array::Array;
use crate::memory::values::{Id, Value, Values, NONE};

fn scalar(value: f64) -> Value {
    Value::Concrete(Array::scalar(DType::Float64, value).unwrap())
}

fn numbers(values: &Values, id: Id) -> Option<f64> {
    match values.value(id) {
        Some(Value::Concrete(array)) => Some(array.first()),
        _ => None,
    }
}

/// Gives back the one reference that `insert` gave.
fn release(values: &mut Values, id: Id) {
    values.get_mut(id).unwrap().references -= 1;
    assert!(values.take_if_dead(id).is_none());
}

#[test]
fn an_id_is_below_two_to_the_31_and_names_one_value() {
    let mut values = Values::new();
    let mut seen: Vec<Id> = Vec::new();
    // One slot through all generations of its own.
    for n in 0..128 {
        let id = values.insert(scalar(n as f64)).unwrap();
        assert!(id != NONE && id < 1 << 31 && !seen.contains(&id), "{id}");
        assert_eq!(numbers(&values, id), Some(n as f64));
        assert!(seen.iter().all(|&old| values.get(old).is_none()), "an id of before answers");
        release(&mut values, id);
        assert_eq!(numbers(&values, id), None);
        seen.push(id);
    }
    assert!(seen.iter().all(|id| id & 0xff_ffff == 1), "one slot was enough");
    assert_eq!(values.concrete(), 0);
}

#[test]
fn a_slot_lives_while_it_has_a_handle_or_references() {
    let mut values = Values::new();
    let id = values.insert(scalar(1.0)).unwrap();
    values.get_mut(id).unwrap().handle = true;
    release(&mut values, id);
    assert_eq!(numbers(&values, id), Some(1.0));
    values.retain(id);
    values.get_mut(id).unwrap().handle = false;
    assert!(values.take_if_dead(id).is_none());
    assert_eq!(numbers(&values, id), Some(1.0));
    release(&mut values, id);
    assert_eq!((numbers(&values, id), values.concrete()), (None, 0));
    // Nobody is harmed by what comes too late.
    values.retain(id);
    assert!(values.take_if_dead(id).is_none() && values.twin(id) == NONE);
}

#[test]
fn a_dead_wrapper_is_handed_out_so_that_what_it_held_can_be_released() {
    let mut values = Values::new();
    let inner = values.insert(scalar(1.0)).unwrap();
    let wrapper = values.insert(Value::Batched { level: 2, epoch: 7, inner, axis: 0 }).unwrap();
    values.get_mut(wrapper).unwrap().references = 0;
    assert!(matches!(values.take_if_dead(wrapper), Some(Value::Batched { inner: held, .. }) if held == inner));
    assert_eq!((numbers(&values, inner), values.concrete()), (Some(1.0), 1));
}

#[test]
fn a_variable_and_its_copy_are_a_pair_until_one_dies_or_is_written_to() {
    let mut values = Values::new();
    let [variable, copy, other] = [1.0, 1.0, 2.0].map(|x| values.insert(scalar(x)).unwrap());
    values.pair(variable, copy);
    assert_eq!([variable, copy].map(|id| values.twin(id)), [copy, variable]);
    // Another copy takes the place of the first.
    values.pair(variable, other);
    assert_eq!([variable, copy, other].map(|id| values.twin(id)), [other, NONE, variable]);
    values.part(variable);
    assert_eq!([variable, copy, other].map(|id| values.twin(id)), [NONE; 3]);
    values.pair(variable, copy);
    release(&mut values, copy);
    assert_eq!(values.twin(variable), NONE);
    values.pair(variable, other);
    release(&mut values, variable);
    assert_eq!((values.twin(other), numbers(&values, other)), (NONE, Some(2.0)));
}
