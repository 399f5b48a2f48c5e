//! Near-duplicates among generated reviews: a few clauses each, half of them with one edit.
#![allow(missing_docs)] // the macros of criterion generate undocumented items

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fastnlp_core::neardup::near_duplicates;

const ROWS: usize = 20_000;
const CLAUSES: [&str; 8] = [
    "很好吃",
    "送餐很快",
    "味道不错",
    "下次还会再来",
    "分量太少了",
    "等了一个小时",
    "包装完好",
    "价格便宜",
];

/// A review for each number; neighbouring numbers share most of their clauses.
fn review(row: usize) -> String {
    let clauses: Vec<&str> =
        (0..6).map(|place| CLAUSES[row * 7 / (place + 1) % CLAUSES.len()]).collect();
    let order = row % 1000;
    format!(
        "{}{}",
        clauses.join("，"),
        if row % 2 == 0 { String::new() } else { order.to_string() }
    )
}

fn neardup(criterion: &mut Criterion) {
    let reviews: Vec<String> = (0..ROWS).map(review).collect();
    let texts: Vec<Option<&str>> = reviews.iter().map(|review| Some(review.as_str())).collect();
    let mut group = criterion.benchmark_group("near_duplicates");
    group.sample_size(10);
    for threshold in [0.6, 0.8] {
        group.bench_function(format!("{ROWS} reviews, {threshold}"), |bencher| {
            bencher.iter(|| near_duplicates(black_box(&texts), threshold, 3));
        });
    }
}

criterion_group!(benches, neardup);
criterion_main!(benches);
