//! Near-duplicates among generated reviews: a few clauses each, half of them with an end of their own;
//! and between two columns that fill in one template.
#![allow(missing_docs)] // the macros of criterion generate undocumented items

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fastnlp_core::neardup::{Find, contamination, near_duplicates};

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

/// Six clauses, chosen by the digits of the row's number, and for odd rows something of their own.
fn review(row: usize) -> String {
    let clauses: Vec<&str> = (0..6).map(|place| CLAUSES[(row >> (2 * place)) % 8]).collect();
    let own = if row.is_multiple_of(2) { String::new() } else { row.to_string() };
    clauses.join("，") + &own
}

fn neardup(criterion: &mut Criterion) {
    let reviews: Vec<String> = (0..ROWS).map(review).collect();
    let texts: Vec<Option<&str>> = reviews.iter().map(|review| Some(review.as_str())).collect();
    let mut group = criterion.benchmark_group("near_duplicates");
    group.sample_size(10);
    for threshold in [0.6, 0.8] {
        group.bench_function(format!("{ROWS} reviews, {threshold}"), |bencher| {
            bencher.iter(|| near_duplicates(black_box(&texts), threshold, 3, Find::Pairs));
        });
    }
}

fn across(criterion: &mut Criterion) {
    let calls: Vec<String> = (0..ROWS)
        .map(|row| format!("您好，请问有什么可以帮您，我想查询{}", CLAUSES[row % 8]))
        .collect();
    let texts: Vec<Option<&str>> = calls.iter().map(|call| Some(call.as_str())).collect();
    let (train, test) = texts.split_at(ROWS - ROWS / 10);
    let mut group = criterion.benchmark_group("contamination");
    group.sample_size(10);
    group.bench_function(format!("{} calls in {}", test.len(), train.len()), |bencher| {
        bencher.iter(|| contamination(black_box(train), black_box(test), 0.8, 3));
    });
}

criterion_group!(benches, neardup, across);
criterion_main!(benches);
