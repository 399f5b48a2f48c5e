# All images at once; `make images` calls it.

variable "WHEEL" {
  default = "" # a folder with the wheel of this package; empty: it is compiled in the Rust image
}
variable "VERSION" {
  default = ""
}
variable "REVISION" {
  default = ""
}

group "default" {
  targets = ["job"]
}

target "job" {
  name       = "job-${name}"
  matrix     = { name = ["crawl", "prepare", "mine", "describe", "label", "augment", "serve", "report"] }
  dockerfile = "docker/Dockerfile"
  target     = "job-${name}"
  tags       = ["job-${name}"]
  # Both or none: every image that a FROM names is looked up, even where its stage is not built.
  args       = { for key, value in { RUST_IMAGE = "scratch" } : key => value if WHEEL != "" }
  contexts   = { for stage, folder in { wheel = WHEEL } : stage => folder if folder != "" }
  labels = {
    "org.opencontainers.image.version"  = VERSION
    "org.opencontainers.image.revision" = REVISION
  }
}
