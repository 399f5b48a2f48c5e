//! Every mistake a caller can make, with what its message prints.

use arrow_schema::DataType;

/// What went wrong: where, what was expected, what came, what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A column has a type the function cannot read.
    #[error("{column}: expected {expected}, got {found}; convert the column first")]
    ColumnType {
        /// Argument name.
        column: String,
        /// The types that are accepted.
        expected: &'static str,
        /// The type that came.
        found: DataType,
    },
    /// A row of a text column is not UTF-8.
    #[error(
        "{column}[{row}]: expected UTF-8, got invalid bytes; decode the column with its real encoding"
    )]
    NotUtf8 {
        /// Argument name.
        column: String,
        /// Row, from 0.
        row: usize,
    },
    /// The buffers of a column contradict each other (broken offsets or lengths).
    #[error("{column}: the Arrow data is malformed ({reason}); rebuild the column")]
    Malformed {
        /// Argument name.
        column: String,
        /// What the Arrow validation said.
        reason: String,
    },
    /// Two columns that are read row by row differ in length.
    #[error(
        "{right}: expected {left_rows} rows like `{left}`, got {right_rows}; pass columns of equal length"
    )]
    Lengths {
        /// First argument.
        left: &'static str,
        /// Second argument.
        right: &'static str,
        /// Rows of the first.
        left_rows: usize,
        /// Rows of the second.
        right_rows: usize,
    },
    /// Token ids of a set are not strictly ascending.
    #[error(
        "{column}[{row}]: token ids must be strictly ascending, got {next} after {previous}; \
         sort and deduplicate them first"
    )]
    NotAscending {
        /// Argument name.
        column: String,
        /// Row, from 0.
        row: usize,
        /// The id before the offending one.
        previous: u32,
        /// The offending id.
        next: u32,
    },
    /// A number is outside its range.
    #[error("{argument}: expected {expected}, got {found}")]
    OutOfRange {
        /// Argument name.
        argument: &'static str,
        /// The range, in words.
        expected: &'static str,
        /// The value that came.
        found: String,
    },
    /// A normalisation step that does not exist.
    #[error("steps[{position}]: expected one of {known}, got {found:?}")]
    UnknownStep {
        /// Place in the list, from 0.
        position: usize,
        /// The name that came.
        found: String,
        /// The names there are.
        known: String,
    },
    /// A normalisation step given twice, whose counts would share one column.
    #[error("steps[{position}]: {step:?} is given twice; give each step once")]
    RepeatedStep {
        /// Place of the second, from 0.
        position: usize,
        /// The step.
        step: String,
    },
    /// A row holds a value that cannot be used.
    #[error("{column}[{row}]: expected {expected}, got {found}; {advice}")]
    Value {
        /// Argument name.
        column: &'static str,
        /// Row, from 0.
        row: usize,
        /// The values that are accepted.
        expected: &'static str,
        /// The value that came.
        found: String,
        /// What to do.
        advice: &'static str,
    },
    /// An itemset stands in two rows of a table.
    #[error("itemsets[{row}]: {itemset} stands in row {first} already; remove one of the rows")]
    RepeatedItemset {
        /// Row, from 0.
        row: usize,
        /// The row where it stands already.
        first: usize,
        /// The itemset.
        itemset: String,
    },
    /// A part of an itemset is not in the table, so that its support is unknown.
    #[error(
        "itemsets[{row}]: expected every subset of {itemset}, but {subset} is not there; \
         mine with kind='all' and pass the whole table, or set support_only"
    )]
    MissingSubset {
        /// Row, from 0.
        row: usize,
        /// The itemset.
        itemset: String,
        /// The part that is missing.
        subset: String,
    },
    /// The result does not fit the memory the caller allowed.
    #[error("max_memory: the result does not fit in {limit} bytes; {advice}")]
    MemoryLimit {
        /// Bytes allowed.
        limit: usize,
        /// What to do.
        advice: &'static str,
    },
    /// More pairs of similar texts than memory is meant to hold.
    #[error(
        "texts: more than {most} pairs of different texts reach the threshold; raise it, or take \
         out the template that these texts fill in"
    )]
    TooManyPairs {
        /// Pairs allowed.
        most: usize,
    },
    /// More pairs of similar texts of two columns than memory is meant to hold.
    #[error(
        "train: more than {most} pairs of a row of train and a row of test reach the threshold; \
         raise it, or compare smaller parts of the columns"
    )]
    TooManyPairsAcross {
        /// Pairs allowed.
        most: usize,
    },
    /// A line of a dictionary or user dictionary cannot be read.
    #[error("{file}:{line}: expected {expected}, got {found}; correct or remove the line")]
    DictionaryLine {
        /// Name of the file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The format, in words.
        expected: &'static str,
        /// The line that came.
        found: String,
    },
    /// The packed dictionary is not a file that `tools/dictionary.py` wrote.
    #[error(
        "the packed dictionary cannot be read ({reason}); \
         run `make dictionary` and install the package again"
    )]
    DictionaryImage {
        /// What is wrong with it.
        reason: &'static str,
    },
}
