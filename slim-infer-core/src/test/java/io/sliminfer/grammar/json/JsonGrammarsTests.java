package io.sliminfer.grammar.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sliminfer.grammar.Grammar;
import io.sliminfer.grammar.Grammar.Match;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What schemas let in and keep out, keyword by keyword, and what is refused by name. */
class JsonGrammarsTests {

    private static Match match(String schema, String text) {
        return JsonGrammars.schema(schema.replace('\'', '"')).match(text.replace('\'', '"'));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
            {'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'string'}},'required':['a']} | {'a':1,'b':'x'}
            {'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'string'}},'required':['a']} | {'a':1}
            {'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'string'}},'required':['b']} | {'b':'x'}
            {'type':'object','properties':{'a':true},'additionalProperties':{'type':'null'}} | {'a':[],'b':null, 'ab':null}
            {'type':'object','additionalProperties':{'type':'integer'}} | {}
            {'type':'object','additionalProperties':{'type':'integer'},'maxProperties':2,'minProperties':1} | {'x':1, 'y':2}
            {'type':'object','required':['z'],'additionalProperties':false,'properties':{'z':{'const':1}}} | {'z':1}
            {'type':'object'} | {'q':{'r':[1,2.5e3,'\\u00e9\\ud83d\\ude00']}}
            {'type':'array','items':{'type':'boolean'}} | [true, false]
            {'type':'array','items':{'type':'boolean'}} | []
            {'type':'array','items':{'type':'boolean'},'minItems':2,'maxItems':3} | [true,false,true]
            {'type':'array','prefixItems':[{'type':'integer'},{'type':'string'}],'items':false} | [1,'x']
            {'type':'array','prefixItems':[{'type':'integer'},{'type':'string'}],'items':{'type':'null'}} | [1,'x',null,null]
            {'type':'array','prefixItems':[{'type':'integer'}],'minItems':2} | [1,{'a':1}]
            {'type':'string','minLength':2,'maxLength':3} | 'aé😀'
            {'type':'string','pattern':'^[A-Z]{2}-\\\\d+$'} | 'AB-12'
            {'type':'string','pattern':'b+'} | 'abba'
            {'type':'string','format':'date'} | '2024-02-29'
            {'type':'string','format':'date-time'} | '2023-11-05T23:59:59.123Z'
            {'type':'string','format':'uuid'} | '123e4567-e89b-12d3-a456-426614174000'
            {'type':'string','format':'email'} | 'jane.doe@example.org'
            {'type':'string','format':'ipv6'} | '::1'
            {'type':'string','format':'uri'} | 'https://example.org/a?b=c#d'
            {'type':'integer','minimum':-5,'maximum':120} | 119
            {'type':'integer','minimum':-5,'maximum':120} | -5
            {'type':'integer','exclusiveMinimum':7} | 9223372036854775807
            {'type':'integer','multipleOf':7} | -49
            {'type':'number','multipleOf':0.25} | 1.75
            {'type':'number','multipleOf':0.25} | 3
            {'type':'number','minimum':0,'maximum':1} | 0.999
            {'type':'number','minimum':0,'maximum':1} | 1.000
            {'type':'number','exclusiveMinimum':-1.5,'exclusiveMaximum':2.25} | -1.49
            {'type':'number','exclusiveMinimum':-1.5,'exclusiveMaximum':2.25} | 2.249
            {'type':'number'} | -1.5E+10
            {'enum':['red','green',1,null,{'a':[1]}]} | {'a':[1]}
            {'enum':['red','green'],'type':'string','maxLength':3} | 'red'
            {'const':'a\\nb'} | 'a\\nb'
            {'anyOf':[{'type':'string'},{'type':'null'}]} | null
            {'oneOf':[{'type':'string'},{'type':'integer'}]} | 12
            {'type':['string','null']} | 'x'
            {'allOf':[{'type':'object','properties':{'a':{'type':'integer'}}},{'properties':{'b':true},'required':['b']}]} | {'a':1,'b':2}
            {'$ref':'#/$defs/N','$defs':{'N':{'type':'object','properties':{'v':{'type':'integer'},'n':{'anyOf':[{'$ref':'#/$defs/N'},{'type':'null'}]}},'required':['v','n']}}} | {'v':1,'n':{'v':2,'n':null}}
            {'type':'object','properties':{'c':{'type':'array','items':{'$ref':'#'}}}} | {'c':[{},{'c':[]}]}
            true | [[[]]]
            {'properties':{'a':{}}} | {'a':'x'}
            """)
    void accepts(String schema, String text) {
        assertThat(match(schema, text)).isEqualTo(Match.COMPLETE);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
            {'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'string'}},'required':['a']} | {'b'
            {'type':'object','properties':{'a':{'type':'integer'}},'required':['a']} | {}
            {'type':'object','properties':{'a':{'type':'integer'}},'required':['a']} | {'a':1,
            {'type':'object','properties':{'a':true},'additionalProperties':{'type':'null'}} | {'b':null,'a'
            {'type':'object','additionalProperties':{'type':'integer'},'maxProperties':1} | {'x':1,
            {'type':'array','items':{'type':'boolean'},'minItems':2,'maxItems':3} | [true]
            {'type':'array','items':{'type':'boolean'},'minItems':2,'maxItems':3} | [true,true,true,
            {'type':'string','minLength':2,'maxLength':3} | 'a'
            {'type':'string','minLength':2,'maxLength':3} | 'abcd
            {'type':'string','pattern':'^[A-Z]{2}-\\\\d+$'} | 'AB-'
            {'type':'string','pattern':'b+'} | 'ac'
            {'type':'string','format':'date'} | '2023-02-29
            {'type':'string','format':'date'} | '2023-13
            {'type':'integer','minimum':-5,'maximum':120} | 121
            {'type':'integer','minimum':-5,'maximum':120} | -6
            {'type':'integer'} | 1.
            {'type':'integer'} | 9223372036854775808
            {'type':'integer'} | 01
            {'type':'number','minimum':0,'maximum':1} | 1.01
            {'type':'number','exclusiveMinimum':-1.5} | -1.50
            {'type':'number','multipleOf':0.25} | 1.751
            {'enum':['red','green']} | 'blue
            {'type':'string'} | '\\ud83d'
            {'type':'object'} | {
            true | [1,]
            """,
            ignoreLeadingAndTrailingWhitespace = false)
    void refusesToGoOn(String schema, String text) {
        String all = text.strip();
        assertThat(match(schema, all)).isNotEqualTo(Match.COMPLETE);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
            {'type':'array','items':{'type':'string'},'uniqueItems':true} | #/uniqueItems is not supported
            {'properties':{'a':{'not':{}}}} | #/properties/a/not is not supported
            {'properties':{'a/b':{'type':'string','format':'regex'}}} | #/properties/a~1b/format is not supported
            {'type':'string','pattern':'(?=a)b'} | look-ahead
            {'oneOf':[{'type':'string'},{'minLength':1}]} | #/oneOf is not supported: alternatives 0 and 1
            {'$ref':'https://example.org/x'} | #/$ref is not supported
            {'$ref':'#/$defs/X'} | #/$ref is "#/$defs/X": a place that is in the schema is expected
            {'$ref':'#'} | # refers to itself
            {'type':'text'} | #/type is "text"
            {'type':'object','properties':{'n':{'$ref':'#'}},'required':['n']} | nothing can be derived
            {'type':'integer','minimum':3,'maximum':2} | # allows no value
            {'nullable':true} | #/nullable is not supported: use "type": ["string", "null"]
            {'patternProperties':{}} | #/patternProperties is not supported
            {'minLength':-1} | #/minLength is -1
            {'frobnicate':1} | #/frobnicate is not supported
            [1] | # is not a schema
            {'a' | # is not valid JSON
            {'type':'number','multipleOf':0.0001237} | #/multipleOf is not supported
            """)
    void namesWhatItCannotEnforce(String schema, String message) {
        assertThatThrownBy(() -> match(schema, ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void objectsNestToTheLimitAndCanStillBeClosed() {
        Grammar grammar = JsonGrammars.object();
        String open = "{\"a\":".repeat(JsonGrammars.DEPTH_MAX);
        assertThat(grammar.match(open + "{}" + "}".repeat(JsonGrammars.DEPTH_MAX)))
                .isEqualTo(Match.COMPLETE);
        assertThat(grammar.match(open + "{\"a\":")).isEqualTo(Match.NONE);
    }
}
