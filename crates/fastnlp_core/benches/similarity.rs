//! Jaccard similarity of generated token ids, row by row, in rows per second.
#![allow(missing_docs)] // the macros of criterion generate undocumented items

use std::hint::black_box;

use arrow_array::LargeListArray;
use arrow_array::types::UInt32Type;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastnlp_core::similarity::jaccard_column;

const ROWS: u32 = 100_000;

/// Ten to twenty-five ids a row, `step` apart.
fn ids(step: u32) -> LargeListArray {
    let row = |row: u32| Some((0..10 + row % 16).map(move |place| Some(row % 7 + place * step)));
    LargeListArray::from_iter_primitive::<UInt32Type, _, _>((0..ROWS).map(row))
}

fn similarity(criterion: &mut Criterion) {
    let (left, right) = (ids(2), ids(3));
    let mut group = criterion.benchmark_group("similarity");
    group.throughput(Throughput::Elements(ROWS.into()));
    group.bench_function("jaccard", |bencher| {
        bencher.iter(|| jaccard_column(black_box(&left), black_box(&right)));
    });
    group.finish();
}

criterion_group!(benches, similarity);
criterion_main!(benches);
