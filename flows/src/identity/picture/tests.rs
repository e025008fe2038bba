#![allow(clippy::unwrap_used)]

use image::{GenericImageView, Rgb, RgbImage};

use super::*;

fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let pixels =
        RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
    DynamicImage::from(pixels).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// With an EXIF segment that holds nothing but how the camera was turned.
fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    let exif = [b"Exif\0\0II*\0\x08\0\0\0\x01\0".as_slice(), &entry, &[0; 4]].concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

fn refused(uploaded: &[u8], settings: &Settings) -> String {
    rewrite(uploaded, settings).err().unwrap().to_string()
}

#[test]
fn a_picture_stays_what_it_is() {
    for (format, expected) in [(ImageFormat::Jpeg, PictureFormat::Jpeg), (ImageFormat::Png, PictureFormat::Png)] {
        let clean = rewrite(&encoded(100, 80, format), &Settings::default()).unwrap();
        assert_eq!(clean.format, expected);
        let read = image::load_from_memory_with_format(&clean.content, format).unwrap();
        assert_eq!(read.dimensions(), (100, 80));
        assert!(read.get_pixel(10, 10).0[0] > 200 && read.get_pixel(90, 10).0[2] > 200);
    }
}

#[test]
fn a_picture_that_says_how_it_was_turned_is_turned() {
    let clean = rewrite(&turned(&encoded(100, 80, ImageFormat::Jpeg), 6), &Settings::default()).unwrap();
    assert_eq!(image::load_from_memory(&clean.content).unwrap().dimensions(), (80, 100));
    assert!(!clean.content.windows(4).any(|window| window == b"Exif"));
}

#[test]
fn the_same_picture_gives_the_same_bytes() {
    let uploaded = encoded(100, 80, ImageFormat::Jpeg);
    let again = || rewrite(&uploaded, &Settings::default()).unwrap().content;
    assert_eq!(again(), again());
}

#[test]
fn bounds_are_looked_at_before_the_picture_is() {
    let settings = Settings { max_megapixels: 1, max_document_bytes: 100_000, ..Settings::default() };
    assert!(rewrite(&encoded(1_000, 1_000, ImageFormat::Png), &settings).is_ok());
    assert!(refused(&encoded(1_001, 1_000, ImageFormat::Png), &settings).contains("1 million pixels"));
    assert!(refused(&vec![0xff; 100_001], &settings).contains("100000 bytes"));
    assert!(refused(&encoded(63, 1_000, ImageFormat::Jpeg), &settings).contains("64 pixels"));
    assert!(refused(b"GIF89a", &settings).contains("JPEG or PNG"));
}

#[test]
fn any_bytes_are_read_or_refused_without_harm() {
    let whole = encoded(100, 80, ImageFormat::Png);
    for cut in (0..whole.len()).step_by(7) {
        let _ = rewrite(&whole[..cut], &Settings::default());
        let mut broken = whole.clone();
        broken[cut] ^= 0x55;
        let _ = rewrite(&broken, &Settings::default());
    }
}

#[test]
fn what_comes_out_is_bounded_as_what_goes_in() {
    let uploaded = encoded(1_000, 1_000, ImageFormat::Png);
    for max_document_bytes in [uploaded.len(), uploaded.len() * 2, uploaded.len() * 20] {
        let settings = Settings { max_document_bytes, ..Settings::default() };
        match rewrite(&uploaded, &settings) {
            Ok(clean) => assert!(clean.content.len() <= max_document_bytes),
            Err(error) => assert!(error.to_string().contains("too long"), "{error}"),
        }
    }
}
