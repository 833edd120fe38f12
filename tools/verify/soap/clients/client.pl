#!/usr/bin/perl
# perl client.pl PLAN TRANSCRIPT: makes the plan's calls with SOAP::Lite, which knows no types: all it reads is text.
# As its manual has it for .NET services: proxy, namespace, SOAPAction with a slash. `service` (SOAP 1.1 only) has it make
# the methods from the WSDL instead; it then sends parameters by position and in no namespace.
use strict;
use warnings;
use utf8;
use JSON::PP;
use LWP::UserAgent;
use SOAP::Lite;

my ($plan_file, $transcript_file) = @ARGV;
open my $in, '<:raw', $plan_file or die "$plan_file: $!";
my $plan = JSON::PP->new->utf8->decode(do { local $/; <$in> });

# Parameters of each method in their order, and item names of array fields, from the WSDL.
my $wsdl = LWP::UserAgent->new->get($plan->{wsdl})->decoded_content;
my (%parameters, %items_of);
while ($wsdl =~ m{<s:element name="(\w+)">\s*<s:complexType>\s*<s:sequence>(.*?)</s:sequence>}gs) {
    my ($method, $fields) = ($1, $2);
    $parameters{$method} = [$fields =~ /\bname="(\w+)"/g];
}
$items_of{$1}{ $2 eq 'String' ? 'string' : $2 } = 1 while $wsdl =~ /name="(\w+)" type="tns:ArrayOf(\w+)"/g;

my $is12 = $plan->{binding} eq 'soap12';
SOAP::Lite->soapversion($is12 ? '1.2' : '1.1');
my $plain = SOAP::Lite->new(proxy => $plan->{url})->default_ns($plan->{namespace})->on_action(sub { qq("$plan->{actions}$_[1]") });
my $by_wsdl = $plan->{variant} eq 'wsdl' && SOAP::Lite->service($plan->{wsdl})->want_som(1);
# Faults are answers here, not deaths.
$_->on_fault(sub { $_[1] }) for grep { $_ } $plain, $by_wsdl;

sub call {
    my ($name, %args) = @_;
    return said($name, $plain->call($name)) unless $parameters{$name};
    for my $value (values %args) { $value = $value ? 'true' : 'false' if JSON::PP::is_bool($value) }
    return said($name, $by_wsdl->$name(@args{ @{ $parameters{$name} } })) if $by_wsdl;
    # Without a type SOAP::Lite guesses one from the look of the text, and sends what is not ASCII as base64.
    my @data = map { SOAP::Data->name($_ => $args{$_})->type('string') } grep { exists $args{$_} } @{ $parameters{$name} };
    return said($name, $plain->call($name, @data));
}

sub said {
    my ($name, $som) = @_;
    die "$som\n" unless ref $som;
    return { result => plain($som->valueof("//${name}Result")) } unless $som->fault;
    # Its faultcode and faultstring know SOAP 1.1 only.
    my ($code, $text) = map { scalar $som->valueof("//Fault/$_") } $is12 ? ('Code/Value', 'Reason/Text') : ('faultcode', 'faultstring');
    return { fault => { code => $code, text => $text } };
}

# Of a reply: what JSON has. A hash has one item where the XML has several of a name.
sub plain {
    my ($value) = @_;
    return $value unless ref $value;
    my %fields;
    for my $name (keys %$value) {
        my $item = $value->{$name};
        if (my $kinds = $items_of{$name}) {
            my ($items) = map { $item->{$_} } grep { ref $item && exists $item->{$_} } keys %$kinds;
            $fields{$name} = [map { plain($_) } ref $items eq 'ARRAY' ? @$items : $items // ()];
        }
        else { $fields{$name} = plain($item) }
    }
    return \%fields;
}

open my $out, '>:raw', $transcript_file or die "$transcript_file: $!";
my $json = JSON::PP->new->utf8;
for my $step (@{ $plan->{steps} }) {
    my $said = eval { $step->{unknown} ? call($step->{unknown}) : call($step->{call}, %{ $step->{args} }) };
    $said //= { error => "$@" =~ s/\s+$//r };
    print $out $json->encode($said), "\n";
}
