package messages

import "github.com/qwenvoy/qwenvoy/shared/jsonedit"

// outputFormat reads the form that the answer must have, a JSON schema; nil for none.
func outputFormat(in *input, fields *fields) []byte {
	path, format := "output_config.format", in.member(fields.output, "format")
	if format == nil {
		path, format = "output_format", fields.format
	}
	if string(in.typeOf(format)) != "json_schema" {
		return nil
	}
	schema := in.member(format, "schema")
	if !jsonedit.Is(schema, jsonedit.Object) {
		in.reject(path+".schema", "must be an object.")
		return nil
	}
	return schema
}
