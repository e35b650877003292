"""The version of ovirtsdk4 that this stands in for; programs refuse versions they do not know."""

VERSION = "4.6.3"
