// Package document decodes YAML files into settings and reports all problems of a file together, each with its line:
// errors of YAML, unknown keys, values of the wrong kind, and the problems that the settings find in themselves. It
// depends on no settings: their type is a parameter.
package document
