//! Generated reviews cut by jieba's dictionary, which `make dictionary` writes.
#![allow(missing_docs)] // the macros of criterion generate undocumented items

use std::hint::black_box;

use arrow_array::LargeStringArray;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastnlp_core::segment::{Mode, Segmenter};

const DICTIONARY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../python/fastnlp_core/jieba.dictionary");
const ROWS: usize = 20_000;
const CLAUSES: [&str; 8] = [
    "房间很大，床有2M宽",
    "早餐一般，种类不多",
    "服务员的态度非常好",
    "离地铁站走路只要五分钟",
    "下次去上海出差还会选择这里",
    "网上预订价299元，前台说没有收到",
    "隔音效果太差了!!!",
    "欧阳小姐帮我们升级了豪华套房",
];

/// A review for each number; neighbouring numbers begin with other clauses.
fn review(row: usize) -> String {
    let clauses: Vec<&str> =
        (0..6).map(|place| CLAUSES[row * 7 / (place + 1) % CLAUSES.len()]).collect();
    format!("{}。{row}", clauses.join("，"))
}

fn segment(criterion: &mut Criterion) {
    let packed = std::fs::read(DICTIONARY).expect("run `make dictionary` first");
    let segmenter = Segmenter::new(&packed, true).expect("the tool wrote it");
    let reviews: LargeStringArray = (0..ROWS).map(|row| Some(review(row))).collect();
    let mut group = criterion.benchmark_group("segment");
    group.sample_size(10);
    group.bench_function("load", |bencher| {
        bencher.iter(|| Segmenter::new(black_box(&packed), true));
    });
    group.throughput(Throughput::Bytes(reviews.value_data().len() as u64));
    for mode in [Mode::Default, Mode::All, Mode::Search] {
        group.bench_function(format!("{ROWS} reviews, {mode:?}"), |bencher| {
            bencher.iter(|| segmenter.cut_column(black_box(&reviews), mode));
        });
    }
}

criterion_group!(benches, segment);
criterion_main!(benches);
