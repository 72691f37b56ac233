//! The records of the index: protobuf bytes enter, where a tensor lies and what it holds leaves.

use prost::Message;

/// `BundleHeaderProto`, the record under the empty name.
#[derive(Clone, PartialEq, Message)]
struct HeaderMessage {
    #[prost(int32, tag = "1")]
    num_shards: i32,
    /// 0 little, 1 big.
    #[prost(int32, tag = "2")]
    endianness: i32,
}

/// `BundleEntryProto`
#[derive(Clone, PartialEq, Message)]
struct EntryMessage {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<ShapeMessage>,
    #[prost(int32, tag = "3")]
    shard_id: i32,
    #[prost(int64, tag = "4")]
    offset: i64,
    #[prost(int64, tag = "5")]
    size: i64,
    #[prost(fixed32, tag = "6")]
    crc32c: u32,
    /// `TensorSliceProto`; only whether there are any matters.
    #[prost(bytes = "vec", repeated, tag = "7")]
    slices: Vec<Vec<u8>>,
}

/// `TensorShapeProto`
#[derive(Clone, PartialEq, Message)]
struct ShapeMessage {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<DimensionMessage>,
    #[prost(bool, tag = "3")]
    unknown_rank: bool,
}

#[derive(Clone, PartialEq, Message)]
struct DimensionMessage {
    #[prost(int64, tag = "1")]
    size: i64,
}

/// `DT_FLOAT`
const FLOAT: i32 = 1;
const FLOAT_BYTES: u64 = 4;
/// More shards than any checkpoint has; their number only names files.
const MOST_SHARDS: i32 = 99_999;

/// What the header says of the checkpoint.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) shards: u32,
}

impl Header {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let message = HeaderMessage::decode(bytes).map_err(|error| format!("header: {error}"))?;
        if !(1..=MOST_SHARDS).contains(&message.num_shards) {
            return Err(format!("header: num_shards is {}: expected 1 to {MOST_SHARDS}", message.num_shards));
        }
        if message.endianness != 0 {
            return Err(format!("header: endianness is {}: expected 0, little-endian values", message.endianness));
        }
        Ok(Self { shards: message.num_shards.unsigned_abs() })
    }
}

/// Where a tensor lies and what it holds.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) shard: u32,
    pub(super) offset: u64,
    pub(super) crc: u32,
    size: u64,
    dtype: i32,
    shape: Vec<u64>,
    sliced: bool,
}

impl Entry {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let message = EntryMessage::decode(bytes).map_err(|error| error.to_string())?;
        let unsigned =
            |name: &str, value: i64| u64::try_from(value).map_err(|_| format!("{name} is {value}: expected 0 or more"));
        let shape = message.shape.unwrap_or_default();
        if shape.unknown_rank {
            return Err("has a shape of unknown rank: expected its dimensions".into());
        }
        Ok(Self {
            shard: u32::try_from(message.shard_id).map_err(|_| format!("shard is {}", message.shard_id))?,
            offset: unsigned("offset", message.offset)?,
            size: unsigned("size", message.size)?,
            crc: message.crc32c,
            dtype: message.dtype,
            shape: shape.dim.iter().map(|dim| unsigned("a dimension", dim.size)).collect::<Result<_, _>>()?,
            sliced: !message.slices.is_empty(),
        })
    }

    /// Dimensions and size in bytes, if the tensor is a whole one of 32-bit floats whose size fits its shape.
    pub(super) fn float_shape(&self, largest: u64) -> Result<(Vec<usize>, u64), String> {
        if self.dtype != FLOAT {
            return Err(format!("has data type {}: expected {FLOAT}, 32-bit floats", self.dtype));
        }
        if self.sliced {
            return Err("is stored in slices: expected it whole".into());
        }
        let of_shape = self.shape.iter().try_fold(FLOAT_BYTES, |bytes, dimension| bytes.checked_mul(*dimension));
        let bytes = of_shape.filter(|bytes| *bytes <= largest);
        let bytes = bytes.ok_or_else(|| format!("has shape {:?}: expected at most {largest} bytes", self.shape))?;
        if bytes != self.size {
            return Err(format!("has shape {:?} and {} bytes: expected {bytes}", self.shape, self.size));
        }
        let shape = self.shape.iter().map(|dimension| usize::try_from(*dimension).unwrap_or_default()).collect();
        Ok((shape, bytes))
    }
}
