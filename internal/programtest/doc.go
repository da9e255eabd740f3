// Package programtest has what tests of several rooms set up: simulated devices, files, and the reference documents.
package programtest
