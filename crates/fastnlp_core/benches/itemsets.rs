//! Itemsets, rules and p-values over generated baskets: sparse ones, and dense ones in which
//! every row has an item of each of a few attributes.
#![allow(missing_docs)] // the macros of criterion generate undocumented items

use std::hint::black_box;

use arrow_array::LargeListArray;
use arrow_array::builder::{LargeListBuilder, LargeStringBuilder};
use arrow_array::cast::AsArray;
use criterion::{Criterion, criterion_group, criterion_main};
use fastnlp_core::itemsets::{
    Kind, MiningOptions, count_itemsets, fisher_exact, frequent_itemsets,
};

/// Small whole numbers that look random and are the same in every run.
fn noise(row: usize, place: usize) -> usize {
    let mixed = (row as u64 * 31 + place as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as usize
}

fn column(rows: usize, items: impl Fn(usize) -> Vec<String>) -> LargeListArray {
    let mut lists = LargeListBuilder::new(LargeStringBuilder::new());
    for row in 0..rows {
        lists.append_value(items(row).into_iter().map(Some));
    }
    lists.finish()
}

/// Ten of 900 items a row, the low numbers more often.
fn sparse() -> LargeListArray {
    let item = |row, place| 30 * (noise(row, place) % 30) / (1 + noise(row, place + 50) % 30);
    column(20_000, |row| (0..10).map(|place| item(row, place).to_string()).collect())
}

/// Twenty attributes of one to four values.
fn dense() -> LargeListArray {
    let value = |row, place| noise(row, place) % (1 + place % 4);
    column(4_000, |row| (0..20).map(|place| format!("{place}={}", value(row, place))).collect())
}

fn itemsets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frequent_itemsets");
    group.sample_size(10);
    for (name, column, min_support) in [("sparse", sparse(), 0.002), ("dense", dense(), 0.1)] {
        for kind in [Kind::All, Kind::Closed, Kind::Maximal] {
            let options = MiningOptions { min_support, max_length: None, kind, max_memory: None };
            group.bench_function(format!("{name}, {kind:?}"), |bencher| {
                bencher.iter(|| frequent_itemsets(black_box(&column), options));
            });
        }
    }
    group.finish();
    count(criterion);
    criterion.bench_function("fisher_exact", |bencher| {
        bencher.iter(|| fisher_exact(black_box(35_000), 1_200, 900, black_box(80)));
    });
}

/// The frequent itemsets of the column, counted again.
fn count(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("count_itemsets");
    group.sample_size(10);
    for (name, column, min_support) in [("sparse", sparse(), 0.002), ("dense", dense(), 0.1)] {
        let options =
            MiningOptions { min_support, max_length: Some(4), kind: Kind::All, max_memory: None };
        let found = frequent_itemsets(&column, options).expect("the options are in range");
        let itemsets = found["items"].as_list::<i64>();
        group.bench_function(name, |bencher| {
            bencher.iter(|| count_itemsets(black_box(&column), itemsets));
        });
    }
    group.finish();
}

criterion_group!(benches, itemsets);
criterion_main!(benches);
