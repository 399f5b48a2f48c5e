//! Every normalisation step on generated comments, in bytes per second.
#![allow(missing_docs)] // the macros of criterion generate undocumented items

use std::hint::black_box;

use arrow_array::LargeStringArray;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastnlp_core::text::{normalize_column, steps};

const COMMENTS: [&str; 5] = [
    "距离川沙公路较近，但是公交指示不对，房间较为简单。",
    "回复@张三：哈哈哈哈哈 看https://t.cn/abc好 (^_^)",
    "ＨＥＬＬＯ　world ouiiiiii 👍🏽❤️",
    "电话13812345678，邮箱a.b@qq.com",
    "ponceCOEUR ponceFLEUR ponceJAM",
];
const STEPS: [&str; 14] = [
    "remove_zero_width",
    "remove_control",
    "remove_kaomoji",
    "remove_emoji",
    "nfkc",
    "halfwidth",
    "lowercase",
    "mask_urls",
    "mask_emails",
    "mask_mentions",
    "mask_ids",
    "mask_phones",
    "fold_elongations",
    "collapse_whitespace",
];

fn normalize(criterion: &mut Criterion) {
    let comments: LargeStringArray = COMMENTS.iter().cycle().take(20_000).map(Some).collect();
    let mut group = criterion.benchmark_group("normalize");
    group.sample_size(10).throughput(Throughput::Bytes(comments.value_data().len() as u64));
    let mut bench = |name: &str, names: &[&str]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let steps = steps(&names, 3).expect("the names are those of the steps");
        group.bench_function(name, |bencher| {
            bencher.iter(|| normalize_column(black_box(&comments), &steps));
        });
    };
    for step in STEPS {
        bench(step, &[step]);
    }
    bench("all steps", &STEPS);
}

criterion_group!(benches, normalize);
criterion_main!(benches);
