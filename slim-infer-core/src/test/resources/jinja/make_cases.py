#!/usr/bin/env python3
"""Writes cases.json: small templates and what Python's Jinja2 makes of them, set up as transformers sets it up.

usage: make_cases.py > cases.json      (needs python3-jinja2)
"""
import json, sys
from datetime import datetime
from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

DATA = {
    "t": "Hello, World", "u": "Grüße 🦙🧪 漢", "empty": "", "ws": " \t\u00a0 a b \u3000\n", "zw": "\u200bx\u200b",
    "n": 7, "neg": -7, "f": 2.5, "tiny": 1e-7, "big": 1e22, "z": 0, "yes": True, "no": False, "nil": None,
    "list": [3, 1, 2], "names": ["bob", "Alice", "carol"], "mixed": [1, "a", None, 2.0, True], "nested": [[1, 2], [3, 4]],
    "d": {"b": 1, "a": {"x": "y"}, "items_": [1], "get": "key"},
    "people": [{"name": "Zoe", "age": 30, "tag": {"k": "b"}}, {"name": "adam", "age": 25, "tag": {"k": "a"}},
               {"name": "Bea", "age": 30}],
    "quote": "it's \"q\" \\ \n\t\x01\u00a0é", "one": "it's", "lines": "a\nb\r\nc\n\nd", "csv": "a,b,,c",
    "floats": [0.1, 100.0, 1e16, 123456789012345680.0, 1e-5, 0.0001, 3.0e-10, 1/3, 2/3, 5e-324, 1.7976931348623157e308, 2**-44, 2e-3, -0.0],
}

EXPRESSIONS = r'''
1 + 2 * 3 - 4
(1 + 2) * 3
7 // 2, -7 // 2, 7 // -2, 7.5 // 2
7 % 3, -7 % 3, 7 % -3, 7.5 % 2, -7.5 % 2
7 / 2, 4 / 2
2 ** 10, 2 ** -1, 2.0 ** 3, -2 ** 2
-n, +n, --n, -f
n - -1
1_000 + 1
1.5e3, 2E-2, 1e5
0.1 + 0.2
floats
floats | join(' ')
tiny, big, f, 10 / 3, 1e16, 1e15, 123456.789e3
"a" ~ 1 ~ none ~ true ~ 2.0 ~ [1, 'x'] ~ {'k': none} ~ (1,) ~ undefined_thing
'a' + 'b' 'c'
'=' * 5, 3 * 'ab', 'x' * 0, 'x' * -1
[1, 2] + [3], (1,) + (2, 3), [0] * 3
1 == 1.0, 1 == true, '1' == 1, none == none, [1, 2] == [1, 2], (1, 2) == [1, 2], {'a': 1} == {'a': 1.0}
1 < 2 < 3, 1 < 3 < 2, 'a' < 'b', 'B' < 'a', [1, 2] < [1, 3], 2 >= 2, 1 != 2
1 in list, 9 in list, 'World' in t, 'x' not in t, 'a' in d, 'q' in d, '' in t, 1 in (1, 2), none in mixed
not yes, not empty, not 1 == 2
yes and n, no and n, empty or 'else', nil or 0 or 'last', 1 and 2 or 3
'yes' if yes else 'no', 'x' if no, ('a' if no else 'b' if no else 'c')
true, false, none, True, False, None
()
(1,), (1, 2), 1, 2
[], [1, [2, 'x']], {}, {'a': {'b': [none, true]}}
mixed, d, nested, people
quote, [quote], [one], ['"'], ["\\"]
[u, ws, zw]
"esc: \n \t \\ \' \" \x41 \u00e9 \101 \q \a\0"
'single \'quoted\' "double"'
t[0], t[-1], t[99], t[1:3], t[:5], t[-5:], t[::2], t[::-1], t[5:2], t[10:0:-3], t[:]
u[6], u[7:], u[::-1], u | length, u[-1], u[6:8]
list[0], list[-1], list[5], list[1:], list[::-1], list[:-1], list[0:10:2], list[-2:]
(1, 2, 3)[1:], (1, 2, 3)[0]
d.b, d['b'], d.a.x, d['a']['x'], d.missing, d['missing'], d.get('b'), d.get('zz'), d.get('zz', 5), d['get']
people[0].name, people[0]['tag'].k, people.0.name, people[-1].tag
nested[1][0], nested[0][1:]
d.items() | list, d.keys() | list, d.values() | list
d.items(), d.keys(), d.values()
d | items | list
d | length, d | list, d | first
missing, missing | length, missing | list, missing | upper, missing | default('dd'), missing | trim
missing is defined, missing is undefined, missing is string, missing is none, missing is iterable, missing is sequence
not missing, missing or 'x', missing == missing2, 'a' in missing
t is string, n is string, n is number, f is number, yes is number, n is integer, yes is integer, f is float, n is float
yes is boolean, n is boolean, yes is true, no is false, yes is false, 1 is true
d is mapping, list is mapping, list is iterable, t is iterable, n is iterable, d is iterable, list is sequence, t is sequence, d is sequence, n is sequence
nil is none, nil is not none, t is not none, t is not string
n is odd, n is even, n is divisibleby 7, n is divisibleby(3), n is not odd
n is eq 7, n is equalto(7), n is ne 7, n is lt 8, n is gt 8, n is le 7, n is ge 8, n is in [7], n is lessthan 9, n is greaterthan 9
n is sameas n, nil is sameas none, 'a' is in 'abc'
'abc' is lower, 'ABC' is upper, 'aBc' is lower
range is callable, n is callable, t.upper is callable
'trim' is filter, 'nope' is filter, 'odd' is test
t | upper, t | lower, 'hello world' | capitalize, 'hELLO' | capitalize, 'hello big-world (x) it''s' | title
"they're bill's friends" | title, "they're bill's friends".title()
'straße' | upper, 'ŉ ß ǆ' | capitalize, 'İ' | lower
ws | trim, ws | trim | length, zw | trim | length, 'xxaxx' | trim('x'), ws.strip() | length
t | replace('l', 'L'), t | replace('l', 'L', 1), 'aaa' | replace('', '-'), t | replace('zz', ''), 5 | replace(5, 6)
t | length, list | count, t | first, t | last, list | first, list | last, [] | first, [] | last
list | join, list | join(', '), names | join('-'), people | join(', ', attribute='name'), [[1], none] | join('|')
list | sort, list | sort(reverse=true), names | sort, names | sort(case_sensitive=true), names | sort(true)
people | sort(attribute='name') | map(attribute='name') | list
people | sort(attribute='age,name') | map(attribute='name') | list
people | sort(attribute='age', reverse=true) | map(attribute='name') | list
d | dictsort, d | dictsort(reverse=true) | first, {'b': 2, 'A': 1} | dictsort, {'b': 1, 'A': 2} | dictsort(by='value')
list | reverse | list, t | reverse, (1, 2) | reverse | list
list | sum, [1.5, 2] | sum, people | sum(attribute='age'), [] | sum, [1] | sum(start=10)
list | min, list | max, names | min, names | max, [] | max, people | max(attribute='age')
[1, 2, 1, 3, 2] | unique | list, ['a', 'A', 'b'] | unique | list, ['a', 'A'] | unique(true) | list
list | map('string') | list, names | map('upper') | join(','), ['a,b'] | map('replace', ',', ';') | list
people | map(attribute='tag.k', default='-') | list, nested | map(attribute=0) | list, nested | map('first') | list, nested | map('join', '+') | list
list | select('odd') | list, list | reject('odd') | list, [0, 1, '', 'a'] | select | list, list | select('gt', 1) | list, list | reject('in', [1, 2]) | list
people | selectattr('age', 'equalto', 30) | map(attribute='name') | list
people | selectattr('tag') | list | length, people | rejectattr('tag') | list | length
people | selectattr('tag.k', 'defined') | list | length
people | map(attribute='tag.k') | list
people | rejectattr('age', 'eq', 30) | list
people | selectattr('name', 'in', ['Zoe', 'Bea']) | map(attribute='name') | join(' ')
'5' | int, 'x' | int, 'x' | int(9), '5.7' | int, 5.7 | int, -5.7 | int, '0x1f' | int(base=16), ' 42 ' | int, none | int, true | int
'5' | float, 'x' | float, 'x' | float(1.5), '1e3' | float, 3 | float
5 | abs, -5 | abs, -2.5 | abs
2.5 | round, 3.5 | round, 2.567 | round(2), 2.1 | round(method='ceil'), 2.9 | round(0, 'floor'), 1234 | round(-2), 7 | round, 2.675 | round(2)
5 | string, none | string, [1] | string, 1.0 | string
'' | default('x'), '' | default('x', true), nil | default('x'), nil | default('x', true), missing | d, 0 | d('z', boolean=True)
'a\nb\n\nc' | indent, 'a\nb' | indent(2, true), 'a\n\nb' | indent(2, blank=true), 'a\nb' | indent('> '), 'a\nb\n' | indent(1)
'<a href="x">&\'' | e
'<b>' | escape
'<b>' | safe
'foo bar baz' | wordcount, 'foo bar baz qux' | truncate(9, leeway=0), 'foo bar baz qux' | truncate(9, true, leeway=0), 'short' | truncate(9)
'%s is %d and %5.2f%%' | format('x', 3, 2.0), '%s-%s' % ('a', 1), '%s' % 'b', '%05d|%-4s|%4s' % (42, 'a', 'b')
'{} {}'.format('a', 1), '{1}{0}'.format('a', 'b'), '{x}{{}}'.format(x=2)
[1, 2, 3, 4, 5] | batch(2) | list, [1, 2, 3] | batch(2, 'x') | list
people | groupby('age') | map('first') | list
people | groupby('tag.k', default='?') | map('last') | map('length') | list
list | list, t | list, u | list | length
'x' | center(5), 'x'.center(4), 'xy'.center(5), 'ab'.ljust(4) ~ '|', 'ab'.rjust(4), '-7'.zfill(4)
t.upper(), t.lower(), 'a b'.title(), 'AbC'.swapcase(), 'abc'.capitalize()
csv.split(','), csv.split(',', 1), csv.split(',')[-1], ' a  b '.split(), ' a  b c '.split(none, 1), 'a'.split('b'), ''.split(','), ''.split()
csv.rsplit(',', 1), csv.rsplit(','), ' a  b c '.rsplit(none, 1), 'a,b'.rsplit(',', 5), 'aXXb'.split('XX')
lines.splitlines(), lines.splitlines(true), ''.splitlines()
'a=b=c'.partition('='), 'a=b=c'.rpartition('='), 'abc'.partition('='), 'abc'.rpartition('=')
t.startswith('Hello'), t.startswith(('x', 'He')), t.endswith('d'), t.endswith(('x',)), t.startswith('World', 7), t.endswith('o', 0, 5)
t.find('o'), t.find('zz'), t.rfind('o'), t.find('o', 5), t.index('W'), t.count('l'), t.count(''), u.find('漢'), u.find('x')
'xxaxx'.strip('x'), 'xxaxx'.lstrip('x'), 'xxaxx'.rstrip('x'), ws.lstrip() | length, ws.rstrip() | length, '\n\na\n'.strip('\n')
'-'.join(['a', 'b']), ''.join(names), ', '.join(d)
t.replace('l', '_'), t.replace('l', '_', 1), ''.replace('', 'x'), 'ab'.replace('', '.')
'abc'.isalpha(), '12'.isdigit(), 'a1'.isalnum(), ' '.isspace(), 'AB'.isupper(), 'ab'.islower(), ''.isdigit()
'prefix-x'.removeprefix('prefix-'), 'x.txt'.removesuffix('.txt'), 'x'.removeprefix('y')
list.index(2), list.count(1), (1, 2).index(2), list.copy()
d | tojson
people | tojson
d | tojson(indent=2)
d | tojson(indent=0), [] | tojson(indent=2), {} | tojson(indent=2), [[], {}] | tojson(indent=1)
{'b': 1, 'a': [1, {'z': 0, 'c': 1}]} | tojson(sort_keys=true), {'b': 1} | tojson(separators=(',', ':')), [1, 2] | tojson(separators=(', ', ': '))
[1, 2] | tojson(indent=2, separators=(',', ': '))
u | tojson, u | tojson(ensure_ascii=true), quote | tojson, "<script>'&" | tojson, '\x7f\u2028' | tojson, '\x7f' | tojson(true)
mixed | tojson, floats | tojson, none | tojson, true | tojson, (1, 2) | tojson, 'x' | tojson, {1: 2, none: 4, 1.5: 5, false: 0} | tojson
'x' is string and 'y' is string, n is number or no
people | map(attribute='name') | map('lower') | sort | join(' ') | title
(list | length) - 1, list | length - 1, list|length > 2
-5 | abs, (-5) | abs, 2 + 3 | string | length
t if t is defined else 'no', 'a' if n > 5 and n < 10 else 'b'
dict(a=1, b='x'), dict([('a', 1)]), dict({'q': 1}, r=2)
range(3) | list, range(1, 4) | list, range(5, 0, -2) | list, range(0) | list, range(3) | length, range(10)[2], range(10)[-1]
strftime_now('%d %b %Y'), strftime_now('%Y-%m-%d %H:%M:%S %A %B %j %y %p %I %%'), strftime_now('%-d %a')
namespace(a=1).a, namespace({'b': 2}).b
'a' < 'b' and 'ab' < 'abc', 'é' > 'z', '\uffff' < '🦙'
{'a': 1}.a, {'a': 1}['a'], [1, 2, 3][1], 'abc'[1], (1, 2)[0]
{'items': 5}['items'], {'keys': [1]}['keys'][0]
"a" "b" 'c' ~ 'd'
t.split(', ')[1].lower().strip('d') | upper
1 if 0 else 2 if 0 else 3
[1, 2,], {'a': 1,}, (1, 2,)
n ~ '', nil ~ '', f ~ ''
'a' not in 'b' and not 'a' in 'b'
not not yes, not (yes and no)
1.0, 1.50, 100.0 * 3, 1e100, 5 // 2.0, 2 ** 0.5
[none, true, 1.0, 'a\'b'] | string
(1, [2, (3,)], {'k': (4,)})
names | sort | first | upper
names[:2] | map('length') | sum
'%s' | format(none), '%s' % [1, 'a'], '%d' % 3.9
'abc' | list | reverse | join
[['a', 1], ['b', 2]] | map('last') | sum
{'a': 1, 'b': 2} | map('upper') | list
missing.x is defined
'ǆ'.title(), 'ß'.upper(), 'ß'.capitalize()
'a' * n, [n] * 2
[1, 2] is sequence and [1, 2] is not mapping
'x'.join(['1']), 'x'.join([])
people[0].items() | list, people | map('items') | map('list') | first
list | map('float') | list, '3' | int + 4
people | map(attribute='name') | first, people | map(attribute='name') | join
yes ~ no, yes + yes, yes * 3
t | attr('upper') is callable
t[0] ~ t[1:] == t, (t | length) == 12
{'a': none}.a, {'a': none}.a is none, {'a': none}.a is defined
'1,2'.split(',') | map('int') | sum
'  x '.strip() ~ '|' ~ '  x '.rstrip() ~ '|' ~ '  x '.lstrip()
[d.a, d.b], [d['a'].x]
(n, f) | join('/'), n | string ~ 's'
'a\\nb', 'tab\there', 'nul\0x' | length
'{{ not evaluated }}', '{% nor this %}'
list | sort | last, list | unique | sort
'mañana'.find('ñ'), '🦙a'.index('a'), '🦙a🧪'.rfind('🧪'), '🦙a'.count('')
'🦙🧪' | reverse, '🦙🧪'[::-1], '🦙🧪' | first, '🦙🧪' | last, '🦙🧪'.center(4, '🦙')
'x' in ['x'] == true
1 == 1 == true
'a' ~ 1 + 2
'a' ~ 2 * 3, 2 * 3 ~ 4, 1 ~ -2
2 + 3 ~ 4
foo.bar if foo is defined else 'none'
loop is defined, caller is defined, self is defined2 if false else 1
'x' | string | upper | lower
nil | string | lower
'a-b_c' | replace('-', '_') | upper
'<|im_start|>' ~ 'user' ~ '\n'
missing | tojson
missing.x
missing['x']
missing + 'a'
missing < 1
missing()
t()
n.foo.bar
'a' + 1
1 + 'a'
'a' - 'b'
'a' * 'b'
none + 1
[1] + (2,)
'a' < 1
none < 1
1 in 'abc'
1 in 5
1 // 0
1 % 0
1 / 0
[1, 'a'] | sort
'x' | nofilter
'x' is notest
list.append(1)
d.update({'a': 1})
d.pop('a')
list.index(99)
t.index('zz')
'abc'.nomethod()
5 | length
none | length
5 | list
range(100001)
range(1, 2, 0)
'' .join([1])
t.split('')
5 | join(',')
5 | first
nil.x.y
t.replace('a')
raise_exception('stop ' ~ n)
raise_exception(missing)
d | dictsort(by='other')
[1] | map('nofilter') | list
[1] | map | list
'x' | round
'%d' % 'x'
'%s %s' % ('a',)
'%s' % ('a', 'b')
'{} {}'.format('a')
list | tojson(foo=1)
{'a': range} | tojson
t | trim(1, 2, 3)
t.upper(1)
list[::0]
namespace(1)
5 is in 5
t | indent(width=[])
none is odd
'a' is divisibleby 2
people | sort(attribute='tag')
[none, 1] | max
t[none]
t['x'].y
5 | items | list
{'a': 1} | items | length
list | map('string') | length
(list | map('string'))[0] is defined
'a' is string is string
'''.strip('\n').split('\n')

STATEMENTS = [
    "{% if yes %}a{% endif %}", "{% if no %}a{% elif n == 7 %}b{% else %}c{% endif %}", "{% if no %}a{% else %}c{% endif %}",
    "{% if no %}a{% elif no %}b{% elif nil %}c{% else %}d{% endif %}",
    "{% for x in list %}{{ x }}{% endfor %}", "{% for x in [] %}a{% else %}none{% endfor %}", "{% for x in missing %}a{% else %}none{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for a, b in nested %}{{ a }}-{{ b }} {% endfor %}",
    "{% for c in u %}[{{ c }}]{% endfor %}", "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in list if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}",
    "{% for x in list if x > 9 %}a{% else %}none{% endfor %}",
    "{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }};{% endfor %}",
    "{% for x in list %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{% endfor %}",
    "{% for x in list %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}",
    "{% for x in list %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %}",
    "{% for x in list %}{% for y in list %}{{ loop.depth }}{{ loop.index }} {% endfor %}{{ loop.index }}|{% endfor %}",
    "{% for x in list %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for x in list %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in list %}{% break %}{% else %}none{% endfor %}", "{% for x in list | reverse %}{{ loop.index }}{{ loop.last }}{{ x }}{% endfor %}",
    "{% for m in people[::-1] %}{{ m.name }}{{ loop.revindex0 }}{% endfor %}", "{% for x in list | map('string') %}{{ loop.length }}{{ x }}{% endfor %}",
    "{% for x in list | select('odd') %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}", "{% for x in (1, 2) if x == 2 %}{{ x }}{% endfor %}", "{% for i in range(3) %}{{ i }}{% endfor %}",
    "{% for x in list %}{% set y = x %}{% endfor %}{{ y is defined }}", "{% set y = 0 %}{% for x in list %}{% set y = y + x %}{{ y }} {% endfor %}{{ y }}",
    "{% set ns = namespace(y=0) %}{% for x in list %}{% set ns.y = ns.y + x %}{% endfor %}{{ ns.y }}",
    "{% set ns = namespace(go=true) %}{% for x in list if ns.go %}{{ x }}{% set ns.go = false %}{% endfor %}",
    "{% set ns = namespace(l=[]) %}{% for x in list %}{% set ns.l = ns.l + [x * 2] %}{% endfor %}{{ ns.l }}",
    "{% if yes %}{% set y = 1 %}{% endif %}{{ y }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a = 1, 2 %}{{ a }}", "{% set (a, b) = [3, 4] %}{{ a }}{{ b }}",
    "{% set x %}hello {{ n }}{% endset %}{{ x | upper }}", "{% set x | upper %}hello{% endset %}{{ x }}", "{% set x | trim | replace('l', 'L') %} hello {% endset %}[{{ x }}]",
    "{% set x %}{% set inner = 1 %}{% endset %}{{ inner is defined }}", "{% set t = t | lower %}{{ t }}", "{% set d = d.a %}{{ d.x }}",
    "{% for x in list %}{{ t }}{% set t = 'changed' %}{{ t }} {% endfor %}{{ t }}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(a=5, b=6) }} {{ m(b=1, a=2) }} {{ m() }}",
    "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(4) }}", "{% macro m(x) %}{{ x }}{% if x > 0 %}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(3) }}",
    "{% macro m() %}{{ later }}{% endmacro %}{% set later = 1 %}{{ m() }}", "{% macro m() %}{{ t }}{% set t = 'in' %}{{ t }}{% endmacro %}{{ m() }}{{ t }}",
    "{% macro m() %} x {% endmacro %}[{{ m() | trim }}][{{ m() ~ 'y' }}][{{ m() | length }}]", "{% macro m(a) %}{{ a }}{% endmacro %}{{ [1, 2] | map('string') | map('upper') | join }}{{ m is callable }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}body {{ n }}{% endcall %}", "{% macro m(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(y) m(list) %}({{ y }}){% endcall %}",
    "{% macro outer() %}{% macro inner(q) %}[{{ q }}]{% endmacro %}{{ inner(1) }}{% endmacro %}{{ outer() }}",
    "{% for x in list %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(c=2) }}", "{% macro m(a) %}{{ a.b }}{% endmacro %}{{ m() }}",
    "{% filter upper %}abc {{ n }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}aac{% endfilter %}", "{% with x = 1, y = 2 %}{{ x }}{{ y }}{% endwith %}{{ x is defined }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q is defined }}",
    "{% raw %}{{ not }} {% evaluated %}{% endraw %}", "{%- raw -%}  {{ x }}  {%- endraw -%}  z", "a\n  {% raw %}\n  b\n  {% endraw %}\nc", "{% raw %}{% endraw %}x",
    "a{# comment #}b", "a\n  {# comment #}\nb", "a {#- c -#} b", "{# multi\nline {{ x }} {% if %} #}z", "a\n{#+ c #}\nb",
    "a\n{% if yes %}\nb\n{% endif %}\nc\n", "a\n  {% if yes %}\n  b\n  {% endif %}\n  c\n\n", "a\n  {%+ if yes %}\n  b\n  {%+ endif %}\nc", "a {%- if yes -%} b {%- endif -%} c", "a\n\n{%- if yes -%}\n\n b \n{%- endif +%}\n c", "a {{- n -}} b", "a\n{{ n }}\nb", "a\n  {{ n }}\n  b", "  {% if yes %}x{% endif %}", "x  {% if yes %}  y{% endif %}",
    "{% if yes +%}\nx{% endif %}", "{% for x in list %}\n{{ x }}\n{% endfor %}\n", "{% for x in list -%}\n  {{ x }}\n{%- endfor %}", "\n\n{{ n }}\n\n", "a\r\nb\rc\n", "{% if yes %}\n\n{% endif %}\nz", "{% set x = 1 %}\n{% set y = 2 %}\n{{ x }}\n", "\t{% if yes %}\n\tz\t{% endif %}\t\n", "{% if yes %}a{% endif %}\n  {% if yes %}b{% endif %}", "{% if yes %}a{% endif %}   \n  {% if yes %}b{% endif %}", "\u00a0{%- if yes %}x{% endif %}\u00a0{%- if yes %}y{% endif -%}\u00a0 z", "{{ 1 }}\n  {% if yes %}z{% endif %}", "{{ n -}}\n  {% if yes %}z{% endif %}", "{% if yes -%}\n  {% if yes %}z{% endif %}{% endif %}",
    "{{ {'a': {'b': 1}} }}", "{{{'a': 1}}}", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ '}}' }}{{ '%}' }}{{ \"{{\" }}", "{ { % } }", "{", "}}", "%}", "{{ '{#' }}", "{{ n }}{", "a{{ '' }}\n\n", "{{ [1,2][0] }}",
    "{{ 'a'\n  ~ 'b' }}", "{{ 'a\\\nb' }}", "{{ 'a\nb' }}", "{%\n  if yes\n%}x{%\n endif %}", "{{ t\n|\nupper }}", "{{- '\n' -}}", "{{-1}}", "{{ - 1 }}", "{{+1}}",
    "{% if messages %}x{% endif %}{% if not messages %}y{% endif %}", "{% if n is defined and n is not none and n > 5 %}x{% endif %}", "{% if (n == 7) != no %}x{% endif %}", "{% if n == 7 and (t is string or no) and not empty %}x{% endif %}",
    "{% if 'a' is string %}x{% endif %}", "{% if n in [1, 7] %}x{% endif %}", "{% if 1, 2 %}x{% endif %}", "{% set x = 'a' if yes else 'b' %}{{ x }}", "{% set x = missing %}{{ x is defined }}[{{ x }}]",
    "{% set ns = namespace() %}{% set ns.a = 1 %}{% set ns.b = ns.a + 1 %}{{ ns.b }}{{ ns.c is defined }}", "{% set ns = namespace(a=[]) %}{% set ns.a = ns.a + ['x'] %}{{ ns.a | tojson }}",
    "{% set ns = namespace(s='') %}{% for p in people %}{% set ns.s = ns.s ~ p.name[0] %}{% endfor %}{{ ns.s }}", "{{ x is defined }}{% set x = 1 %}{{ x }}", "{% set loop_messages = people %}{% for message in loop_messages %}{% set content = message['name'] | trim %}{% if loop.index0 == 0 %}{% set content = 'B' + content %}{% endif %}{{ content }}{% endfor %}",
    "{% for p in people %}{% if loop.last or people[loop.index0 + 1].age != p.age %}<{{ p.name }}>{% endif %}{% endfor %}", "{% for p in people %}{% if (p.age == 30) != (loop.index0 % 2 == 0) %}x{% else %}y{% endif %}{% endfor %}", "{% for p in people | selectattr('age', 'eq', 30) | list %}{{ loop.last }}{% endfor %}", "{% for k, v in d | dictsort %}{{ k }}{% endfor %}", "{% for k, v in people[0] | items %}{{ k }}{% endfor %}", "{% for k, g in people | groupby('age') %}{{ k }}:{{ g | length }} {% endfor %}",
    "{% for x in list %}{{ x }}{% if loop.index == 2 %}{% break %}{% endif %}{{ ',' }}{% endfor %}", "{% for x in list %}{% for y in names %}{% if y == 'Alice' %}{% break %}{% endif %}{{ y }}{% endfor %}{{ x }}{% endfor %}", "{% for x in nested %}{% set x = x[0] %}{{ x }}{% endfor %}", "{% for x in list %}{% set ns = namespace(v=x) %}{{ ns.v }}{% endfor %}", "{% for x in d %}{{ loop.nextitem }}{% endfor %}", "{% for x in '' %}{% else %}e{% endfor %}", "{% for x in nil %}a{% endfor %}", "{% for x in n %}a{% endfor %}", "{% for a, b in list %}x{% endfor %}", "{% for a, b in [[1, 2, 3]] %}x{% endfor %}",
    "{% set x.y = 1 %}", "{% set n.y = 1 %}", "{% set true = 1 %}", "{% nope %}", "{% if yes %}", "{% endif %}", "{% for x in list %}", "{{ n", "{% if yes", "{# open", "{{ }}", "{{ 1 + }}", "{{ (1 }}", "{{ [1 }}", "{{ 'open }}", "{{ 1 2 }}", "{% if %}x{% endif %}", "{% for in list %}{% endfor %}", "{% for x list %}{% endfor %}", "{% break %}", "{% continue %}", "{{ n ! }}", "{{ n | }}", "{{ n. }}", "{{ n is }}", "{{ {'a' 1} }}", "{% else %}", "{% if yes %}{% endfor %}", "{% macro %}{% endmacro %}", "{% raw %}x", "{{ a b }}", "{% set %}x{% endset %}", "{% include 'x' %}", "{% extends 'x' %}", "{% do list.append(1) %}", "{{ n) }}", "{% macro m(a=1, b) %}{% endmacro %}", "{{ m(a=1, 2) }}",
    "{{ raise_exception('no ' + t) }}", "{% if n == 7 %}{{ raise_exception('After the optional system message, roles must alternate') }}{% endif %}", "before {{ missing.attribute }}", "{% if no %}{{ missing.attribute }}{{ 'x' | nofilter }}{% endif %}ok", "{{ 'x' if yes else 'x' | nofilter }}", "{% if no %}{{ raise_exception('x') }}{% endif %}fine",
    "{{ bos }}{% for m in people %}{{ '[INST] ' + m.name + ' [/INST]' }}{% endfor %}", "{%- set tools = none %}{% if tools is defined and tools %}x{% else %}y{% endif %}", "{%- if not tools is defined %}{%- set tools = none %}{%- endif %}{{ tools is none }}", "{% set today = strftime_now('%d %B %Y') if strftime_now is defined else '?' %}{{ today }}",
    "{{ 1 }}{{ '\\n' }}{{ \"a\\tb\" }}", "{{ 'x' ~ '\\\\n' }}", "{{ t[:n] ~ '…' if t | length > n else t }}", "{% set x = (people | selectattr('name', 'equalto', 'Zoe') | list)[0] %}{{ x.age }}", "{% set x = people | map(attribute='age') | list %}{{ x }}{{ x[0] }}", "{{ people | map(attribute='name') | reject('equalto', 'Bea') | join('+') }}",
    "{{ caller is defined }}{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% for x in [1] %}{% call missing() %}{% endcall %}{% endfor %}", "{{ '%s' }}", "{{ 'a' 'b' }}", "{{ loop }}", "{% for x in list recursive %}x{% endfor %}" if False else "{{ 0 }}",
    "{%- for message in people -%}\n    {%- if loop.first -%}\n        {{- 'F' -}}\n    {%- endif -%}\n    {{ message.name }}\n{%- endfor -%}", "{% for x in list %}{{ loop['index'] }}{{ loop['first'] }}{% endfor %}", "{% set c = namespace(x=namespace(y=1)) %}{{ c.x.y }}", "{% set items = d.items() %}{% for k, v in items %}{{ k }}{% endfor %}{{ items | length }}", "{% for x in list|sort %}{{x}}{% endfor %}", "{% if t|length>5and n %}x{% endif %}",
]

def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    env.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    def raise_exception(message):
        raise TemplateError(message)
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda fmt: datetime(2026, 7, 26).strftime(fmt)
    return env

def main():
    env, cases = environment(), []
    def add(template):
        try:
            cases.append({"template": template, "text": env.from_string(template).render(**DATA)})
        except Exception as e:
            cases.append({"template": template, "error": f"{type(e).__name__}: {e}"})
    for expression in EXPRESSIONS:
        add("{{ " + expression + " }}")
    for statement in STATEMENTS:
        add(statement)
    print(json.dumps({"variables": DATA, "cases": cases}, indent=1))

if __name__ == "__main__":
    main()
