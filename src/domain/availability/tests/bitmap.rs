//! Bitmaps of any length against a list of booleans.

use proptest::prelude::*;

use super::super::bitmap::Bitmap;
use crate::domain::quantum::DayMap;

fn bools(bitmap: &Bitmap) -> Vec<bool> {
    (0..bitmap.len()).map(|bit| bitmap.is_set(bit)).collect()
}

fn filled(bits: &[bool]) -> Bitmap {
    let mut bitmap = Bitmap::new(bits.len());
    for (bit, _) in bits.iter().enumerate().filter(|(_, set)| **set) {
        bitmap.set(bit);
    }
    bitmap
}

proptest! {
    #[test]
    fn looking_ahead_finds_whatever_is_set_within_the_width(
        bits in prop::collection::vec(prop::bool::weighted(0.05), 0..700),
        width in 1_usize..400,
    ) {
        let mut bitmap = filled(&bits);
        bitmap.look_ahead(width);
        let expected: Vec<bool> =
            (0..bits.len()).map(|bit| bits[bit..bits.len().min(bit + width)].contains(&true)).collect();
        prop_assert_eq!(bools(&bitmap), expected);
    }

    #[test]
    fn days_are_set_where_they_overlap(len in 0_usize..400, offset in -200_i64..500, bits in any::<[bool; 96]>()) {
        let day = (0..96).filter(|n| bits[*n as usize]).fold(DayMap::EMPTY, DayMap::with);
        let mut bitmap = Bitmap::new(len);
        bitmap.set_day(day, offset);
        let expected: Vec<bool> = (0..len)
            .map(|bit| usize::try_from(i64::try_from(bit).unwrap() - offset).is_ok_and(|n| n < 96 && bits[n]))
            .collect();
        prop_assert_eq!(bools(&bitmap), expected);
        // Nothing is left beyond the end, where counting would find it.
        prop_assert_eq!(bitmap.count() as usize, bitmap.ones().count());
        prop_assert!(bitmap.ones().all(|bit| bit < len));
    }

    #[test]
    fn ranges_and_steps_set_what_they_name(
        len in 0_usize..400, from in 0_usize..420, to in 0_usize..420, step in 1_usize..100,
    ) {
        let mut bitmap = Bitmap::new(len);
        bitmap.set_every(from, to, step);
        let expected: Vec<bool> =
            (0..len).map(|bit| (from..to).contains(&bit) && (bit - from).is_multiple_of(step)).collect();
        prop_assert_eq!(&bools(&bitmap), &expected);
        for bit in 0..=len {
            let first = (bit..len).find(|bit| expected[*bit]);
            prop_assert_eq!(bitmap.first_from(bit), first);
        }
    }

    #[test]
    fn truncating_forgets_the_rest(bits in prop::collection::vec(any::<bool>(), 0..400), len in 0_usize..420) {
        let bitmap = filled(&bits).truncated(len);
        prop_assert_eq!(bools(&bitmap), &bits[..len.min(bits.len())]);
        prop_assert_eq!(bitmap.count() as usize, bitmap.ones().count());
    }
}
